"""How `calls.json` was cut from Twilio's description: `python cut.py twilio_api_v2010.json > calls.json`."""

import json
import sys
from collections.abc import Iterator
from typing import Any

PATHS = (
    "/2010-04-01/Accounts/{AccountSid}/Calls.json",
    "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json",
    "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Events.json",
)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].split("/")[-1]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The paths that are used, unchanged, with the schemas that they name."""
    schemas = whole["components"]["schemas"]
    paths = {path: whole["paths"][path] for path in PATHS}
    wanted: set[str] = set()
    found = set(references(paths))
    while found:
        wanted |= found
        found = {name for schema in found for name in references(schemas[schema])} - wanted
    rest = {name: part for name, part in whole.items() if name not in ("paths", "components")}
    components = whole["components"] | {"schemas": {name: schemas[name] for name in sorted(wanted)}}
    return rest | {"paths": paths, "components": components}


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        json.dump(cut(json.load(file)), sys.stdout, indent=1)
        print()
