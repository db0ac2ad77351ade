"""Writes docs/reference/: openapi.json as the platform describes itself, asyncapi.yaml from the events' registry.

`--check` writes nothing and fails on a difference.
"""

import asyncio
import inspect
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import yaml

import services.gateway.app
from cli import __version__
from deploy.embedded import BUILDERS
from shared import events
from shared.events.envelope import Envelope
from shared.events.registry import CONSUMERS
from shared.runtime.resources import open_resources
from shared.runtime.service import web_app
from shared.runtime.settings import Settings

REFERENCE = Path("docs/reference")


async def openapi(home: Path) -> str:
    """The merged description of all rooms, as text."""
    async with open_resources(Settings(home=home)) as resources:
        rooms = [await build(resources) for build in BUILDERS]
        apps = {room.name: web_app(room, resources) for room in rooms}
        gateway = await services.gateway.app.build(resources, apps)
        key = (home / "api-key").read_text().strip()
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.get("/openapi.json", headers={"Authorization": f"Bearer {key}"})
        return json.dumps(response.raise_for_status().json(), indent=1, ensure_ascii=False) + "\n"


def asyncapi() -> str:
    """AsyncAPI 3.0 of every registered event, as YAML: one channel per event, its durable consumers as receivers."""
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    envelope = Envelope.model_json_schema(mode="serialization")
    for event, rooms in CONSUMERS.items():
        name, channel = event.__name__, {"$ref": f"#/channels/{event.__name__}"}
        schemas[name] = event.model_json_schema(ref_template="#/components/schemas/{model}")
        fields = {
            **envelope["properties"],
            "type": {"const": event.type},
            "data": {"$ref": f"#/components/schemas/{name}"},
        }
        message = {
            "name": event.type,
            "contentType": "application/cloudevents+json",
            "payload": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "data"],
                "properties": fields,
            },
        }
        channels[name] = {"address": event.type, "description": event.__doc__, "messages": {name: message}}
        operations[f"send{name}"] = {"action": "send", "channel": channel}
        operations |= {f"{room}Receives{name}": {"action": "receive", "channel": channel} for room in rooms}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Anneal events", "version": __version__, "description": inspect.getdoc(events)},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }
    copied = json.loads(json.dumps(document))  # no two members are one object, or YAML would write anchors
    return str(yaml.safe_dump(copied, sort_keys=False, allow_unicode=True, width=120))


def main(check: bool) -> int:
    """Write, or compare; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        texts = {"openapi.json": asyncio.run(openapi(Path(folder))), "asyncapi.yaml": asyncapi()}
    stale = [name for name, text in texts.items() if check and (REFERENCE / name).read_text() != text]
    for name in stale:
        sys.stderr.write(f"{REFERENCE / name} is out of date: run `make reference`.\n")
    if not check:
        for name, text in texts.items():
            (REFERENCE / name).write_text(text)
    return len(stale)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
