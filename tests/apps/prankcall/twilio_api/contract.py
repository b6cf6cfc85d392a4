"""Is this a request that Twilio's own description allows, and is this an answer that it gives?"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator

DESCRIPTION: dict[str, Any] = json.loads((Path(__file__).parent / "calls.json").read_text())
FORM = "application/x-www-form-urlencoded"


class Broken(Exception):
    """It is not."""


def check_request(method: str, path: str, query: dict[str, list[str]], content_type: str, form: dict[str, Any]) -> str:
    """The path of the description that a request is for.

    Raises:
        Broken: path, method, query or form are not in the description, or not of its types.
    """
    found, values = _find(path)
    about = f"{method} {path}"
    operation = DESCRIPTION["paths"][found].get(method.lower())
    if operation is None:
        raise Broken(f"{about}: {found} has no such method")
    parameters = operation.get("parameters", [])
    for place, given in (("path", {name: [value] for name, value in values.items()}), ("query", query)):
        known = {parameter["name"]: parameter for parameter in parameters if parameter["in"] == place}
        for name, texts in given.items():
            if name not in known:
                raise Broken(f"{about}: no {place} parameter {name}")
            for text in texts:
                _valid(known[name]["schema"], _typed(text, known[name]["schema"]), f"{about}: {name}")
        missing = [name for name, parameter in known.items() if parameter.get("required") and name not in given]
        if missing:
            raise Broken(f"{about}: {missing} missing")
    if "requestBody" in operation:
        if content_type != FORM:
            raise Broken(f"{about}: its body is {content_type}")
        _check_form(operation["requestBody"]["content"][FORM]["schema"], form, about)
    elif form:
        raise Broken(f"{about}: it has no body")
    return found


def check_answer(method: str, found: str, status: int, body: Any) -> None:
    """Hold an answer against what the description says of this path.

    Raises:
        Broken: it gives no such status, or no such body.
    """
    answers = DESCRIPTION["paths"][found][method.lower()]["responses"]
    if str(status) not in answers:
        raise Broken(f"{method} {found} does not answer {status}")
    _valid(answers[str(status)]["content"]["application/json"]["schema"], body, f"the answer to {method} {found}")


def _find(path: str) -> tuple[str, dict[str, str]]:
    for template in DESCRIPTION["paths"]:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        match = re.fullmatch(pattern, path)
        if match:
            return template, {name: unquote(value) for name, value in match.groupdict().items()}
    raise Broken(f"no path {path}")


def _check_form(schema: dict[str, Any], form: dict[str, list[str]], about: str) -> None:
    properties = schema["properties"]
    unknown = sorted(form.keys() - properties.keys())
    missing = sorted(set(schema.get("required", ())) - form.keys())
    if unknown or missing:
        raise Broken(f"{about}: unknown {unknown}, missing {missing}")
    for name, texts in form.items():
        of = properties[name]
        if of.get("type") == "array":
            _valid(of, [_typed(text, of["items"]) for text in texts], f"{about}: {name}")
        elif len(texts) != 1:
            raise Broken(f"{about}: {name} is given {len(texts)} times")
        else:
            _valid(of, _typed(texts[0], of), f"{about}: {name}")


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """A form's text as the type that is asked for; as it stands if it is none."""
    try:
        if schema.get("type") == "integer":
            return int(text)
        if schema.get("type") == "boolean":
            return {"true": True, "false": False}[text]
    except (ValueError, KeyError):
        pass
    return text


def _valid(schema: dict[str, Any], value: Any, about: str) -> None:
    """OpenAPI 3.0's schemas are JSON Schema's of draft 4, but for `nullable`."""
    whole = _nullable({"allOf": [schema], "components": DESCRIPTION["components"]})
    for error in Draft4Validator(whole).iter_errors(value):
        raise Broken(f"{about}: {error.message}")


def _nullable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {name: _nullable(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [rest, {"type": "null"}]} if schema.get("nullable") is True else rest
