"""Generates openapi.json, metrics.md and asyncapi.yaml in docs/reference/, and the descriptions of dataset layouts.

`--check` writes nothing and fails on a difference.
"""

import asyncio
import inspect
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from starlette.routing import BaseRoute

import services.gateway.app
from cli import __version__
from deploy import python_client
from deploy.documents import render as render_documents
from deploy.embedded import BUILDERS
from deploy.layout_reference import layout_texts
from shared import events
from shared.bus.topology import Names
from shared.documents.local import LocalDocuments
from shared.events.envelope import Envelope, Event
from shared.events.registry import CONSUMERS
from shared.runtime.http.routes import ROUTES
from shared.runtime.resources import open_resources
from shared.runtime.service import Service, web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics

REFERENCE = Path("docs/reference")
NAMES = Names()
AMQP = {"bindingVersion": "0.3.0"}
CONTENT_TYPE = "application/cloudevents+json"
METRICS = (
    "Every process exposes these metrics at `/metrics`, beside the standard process metrics "
    "(`process_cpu_seconds_total`, `process_resident_memory_bytes` …). `make reference` generates this page."
)


async def describe_services(home: Path) -> dict[str, str]:
    """Return openapi.json, merged from all services, metrics.md and documents.md."""
    async with open_resources(Settings(home=home)) as resources:
        backends = [await build(resources) for build in BUILDERS]
        apps = {service.name: web_app(service, resources) for service in backends}
        gateway = await services.gateway.app.build(resources, apps)
        if differences := undeclared([*backends, gateway.service]):
            sys.exit(f"shared/runtime/http/routes.py and the services' routes differ: {', '.join(differences)}")
        key = (home / "api-key").read_text().strip()
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.get("/openapi.json", headers={"Authorization": f"Bearer {key}"})
        assert isinstance(resources.documents, LocalDocuments)
        documents = render_documents(resources.documents.opened)
        api = json.dumps(response.raise_for_status().json(), indent=1, ensure_ascii=False) + "\n"
        return {"openapi.json": api, "metrics.md": metrics(resources.metrics), "documents.md": documents}


def undeclared(services: Iterable[Service]) -> list[str]:
    """Return each operation that only the services or only the route table have, as `service METHOD /path`."""
    declared = {f"{route.service} {route.method} {route.pattern}" for route in ROUTES}
    served = {f"{each.name} {operation}" for each in services for operation in _operations(each.router.routes)}
    return sorted(declared ^ served)


def _operations(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield `METHOD /path` of every route, those outside the OpenAPI document and websockets included."""
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from _operations(included.routes)
        else:
            yield from (f"{method} {getattr(route, 'path', route)}" for method in getattr(route, "methods", ["GET"]))


def metrics(found: Metrics) -> str:
    """Return metrics.md: a table of every metric of the platform."""
    rows = [
        f"| `{one.name}` | {one.type} | {', '.join(one.labels)} | {one.meaning} |"
        for one in sorted(found.catalogue, key=lambda one: one.name)
    ]
    return "\n".join(
        ["# Metrics", "", METRICS, "", "| Name | Type | Labels | Meaning |", "|---|---|---|---|", *rows, ""]
    )


def asyncapi() -> str:
    """Return AsyncAPI 3.0 of every registered event as YAML: one channel per routing key and one per service queue."""
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for event, consumers in CONSUMERS.items():
        name, channel = event.__name__, {"$ref": f"#/channels/{event.__name__}"}
        schema = event.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**schema.pop("$defs", {}), name: schema}
        channels[name] = _routing_key(event, durable=bool(consumers))
        sent = {"deliveryMode": 2 if consumers else 1, "mandatory": bool(consumers), **AMQP}
        operations[f"send{name}"] = {"action": "send", "channel": channel, "bindings": {"amqp": sent}}
        for service in consumers:
            channels[f"{service}{name}"] = _queue(event, service)
            operations[f"{service}Receives{name}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{service}{name}"},
                "bindings": {"amqp": {"ack": True, **AMQP}},
            }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Anneal events", "version": __version__, "description": inspect.getdoc(events)},
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }
    copied = json.loads(json.dumps(document))  # a copy without shared objects, for which YAML would write anchors
    return str(yaml.safe_dump(copied, sort_keys=False, allow_unicode=True, width=120))


def _routing_key(event: type[Event], *, durable: bool) -> dict[str, Any]:
    """Return the channel of an event's routing key, which subscribers bind to."""
    exchange = NAMES.events if durable else NAMES.broadcast
    bound = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {
        "address": event.type,
        "description": event.__doc__,
        "messages": {event.__name__: _message(event)},
        "bindings": {"amqp": {"is": "routingKey", "exchange": bound, **AMQP}},
    }


def _queue(event: type[Event], service: str) -> dict[str, Any]:
    """Return the channel of the queue of one consuming service."""
    name = NAMES.queue(service, event.type)
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"}
    return {
        "address": name,
        "description": f"Quorum queue of the {service} service; no other client may consume from it.",
        "messages": {event.__name__: {"$ref": f"#/channels/{event.__name__}/messages/{event.__name__}"}},
        "bindings": {"amqp": {"is": "queue", "queue": queue, **AMQP}},
    }


def _message(event: type[Event]) -> dict[str, Any]:
    fields = {
        **Envelope.model_json_schema(mode="serialization")["properties"],
        "type": {"const": event.type},
        "data": {"$ref": f"#/components/schemas/{event.__name__}"},
    }
    required = ["specversion", "id", "source", "type", "data"]
    return {
        "name": event.type,
        "contentType": CONTENT_TYPE,
        "payload": {"type": "object", "required": required, "properties": fields},
        "bindings": {"amqp": {"messageType": event.type, **AMQP}},
    }


def main(check: bool) -> int:
    """Write the generated files, or compare them with `check`. Return the number of stale ones."""
    with tempfile.TemporaryDirectory() as folder:
        texts = {**asyncio.run(describe_services(Path(folder))), "asyncapi.yaml": asyncapi()}
    files = {REFERENCE / name: text for name, text in texts.items()}
    files |= {**layout_texts(), **python_client.texts(json.loads(texts["openapi.json"]))}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path} is out of date: run `make reference`.\n")
        else:
            path.write_text(files[path])
    return len(stale) if check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
