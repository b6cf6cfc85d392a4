"""The catalogue for people and tools: a table, a Mermaid flowchart, an AsyncAPI 3 document."""

from typing import Any

from pydantic.json_schema import models_json_schema

from actors.catalogue import Catalogue, EventPlan
from actors.event import ChainHalted

ASYNCAPI = "3.0.0"


def events_of(catalogue: Catalogue) -> list[EventPlan]:
    """The app's events, in order of their types; the runtime's own only if somebody listens."""
    return [plan for _, plan in sorted(catalogue.events.items()) if plan.cls is not ChainHalted or plan.listeners]


def owner_of(plan: EventPlan) -> str:
    """Who owns an event, in a word."""
    if plan.cls is ChainHalted:
        return "(runtime)"
    return plan.owner or "(outside)"


def table(name: str, catalogue: Catalogue) -> str:
    """Plain text: an event a line, its owner, its listeners."""
    rows = [("event", "owner", "listeners")]
    for plan in events_of(catalogue):
        kind = " (broadcast)" if plan.broadcast else ""
        rows.append((plan.type + kind, owner_of(plan), ", ".join(plan.listeners) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return f"app {name}\n\n" + "\n".join(lines)


def mermaid(catalogue: Catalogue) -> str:
    """A flowchart: owners and listeners as nodes, events as arrows; timers dotted, what nobody hears ends in a dot."""
    lines = ["flowchart LR"]
    for name in catalogue.groups:
        for cls in catalogue.groups[name].classes:
            lines.append(f"    {cls.__name__}[{cls.__name__}]")
    for name, gateway in catalogue.gateways.items():
        lines.append(f"    {type(gateway.gateway).__name__}{{{{{name}}}}}")
    delayed = {
        event
        for group in catalogue.groups.values()
        for event_type in catalogue.events
        for _, handler in group.handlers(event_type)
        for event in (handler.handler.hints.after if handler.handler.hints else ())
    }
    for plan in events_of(catalogue):
        source = plan.owner or ("runtime((runtime))" if plan.cls is ChainHalted else "outside((outside))")
        arrow = "-.->" if plan.cls in delayed else "-->"
        for listener in plan.listeners or [f"nobody_{plan.cls.__name__}(( ))"]:
            lines.append(f"    {source} {arrow}|{plan.type}| {listener}")
    return "\n".join(lines)


def asyncapi(name: str, catalogue: Catalogue) -> dict[str, Any]:
    """An AsyncAPI 3.0 document: a channel for each event type, a send operation by its owner, a receive by each."""
    plans = events_of(catalogue)
    # Two events of one class name (and two wire types) have two schemas: the references say which is whose.
    payloads, definitions = models_json_schema(
        [(plan.cls, "serialization") for plan in plans], ref_template="#/components/schemas/{model}"
    )
    schemas = definitions.get("$defs", {})
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for plan in plans:
        message = {
            "name": plan.type,
            "title": plan.cls.__name__,
            "contentType": "application/json",
            "payload": payloads[plan.cls, "serialization"],
        }
        if plan.cls.__doc__:
            message["summary"] = plan.cls.__doc__.strip().partition("\n")[0]
        messages[plan.type] = message
        channels[plan.type] = {
            "address": plan.type,
            "messages": {plan.type: {"$ref": f"#/components/messages/{plan.type}"}},
        }
        if plan.owner is not None:
            operations[f"{plan.owner}.emits.{plan.type}"] = {
                "action": "send",
                "channel": {"$ref": f"#/channels/{plan.type}"},
            }
        for listener in plan.listeners:
            operations[f"{listener}.hears.{plan.type}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{plan.type}"},
            }
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": name, "version": catalogue.schema_hash[:12]},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }
