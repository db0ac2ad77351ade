"""One trace from the upload to the answer over six processes, a real broker and engine children."""

import secrets
from pathlib import Path

import pytest

from deploy.town import servers, town
from tests.collector import collecting
from tests.journeys.conftest import Platform
from tests.traced_road import Traveller, check_road

CLIENT = (secrets.token_hex(16), secrets.token_hex(8))
"""Trace id and span id of the client."""


def test_one_trace_leads_through_every_room_and_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNEAL_WARM_ENGINES", "false")
    with collecting() as collector, servers(tmp_path / "servers") as addresses:
        monkeypatch.setenv("ANNEAL_OTLP_ENDPOINT", collector.url)
        with town(tmp_path / "home", addresses, replicas=2) as up:
            Traveller(Platform(up.url, up.key).http, CLIENT).walk("town")
    trace = collector.trace(CLIENT[0])
    check_road(trace, lambda room: f"anneal-{room}")
    assert {span.parent for span in trace.roots()} == {CLIENT[1]}
    published = trace.named("publish training.succeeded.v1")
    assert {span.attributes["messaging.system"] for span in published} == {"rabbitmq"}
