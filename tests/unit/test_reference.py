"""The generated reference is consistent: AsyncAPI with the event registry, errors with the API's paths."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.documents import COLLECTIONS
from deploy.reference import asyncapi
from shared.bus.topology import Names
from shared.documents.entities import Entity
from shared.events.registry import CONSUMERS

DOCUMENT: dict[str, Any] = yaml.safe_load(asyncapi())


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def test_every_reference_resolves() -> None:
    for reference in set(references(DOCUMENT)):
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_event_has_its_exchange_and_every_consumer_its_queue() -> None:
    names = Names()
    bindings = [channel["bindings"]["amqp"] for channel in DOCUMENT["channels"].values()]
    exchanges = {
        channel["address"]: channel["bindings"]["amqp"]["exchange"]["name"]
        for channel in DOCUMENT["channels"].values()
        if channel["bindings"]["amqp"]["is"] == "routingKey"
    }
    assert exchanges == {e.type: names.events if services else names.broadcast for e, services in CONSUMERS.items()}
    queues = {binding["queue"]["name"] for binding in bindings if binding["is"] == "queue"}
    assert queues == {names.queue(service, event.type) for event, services in CONSUMERS.items() for service in services}


def test_errors_about_unknown_ids_point_to_lists_that_exist() -> None:
    paths = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())["paths"]
    listed = [spec.document for spec in COLLECTIONS if issubclass(spec.document, Entity) and spec.document.LISTED_AT]
    assert len(listed) == 19
    for entity in listed:
        assert "get" in paths[entity.LISTED_AT]
        assert entity.NOUN != Entity.NOUN
