"""Whose X-Forwarded-For is believed."""

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from shared.runtime.http.server import server_config
from shared.runtime.settings import Settings


@pytest.mark.parametrize(
    ("settings", "peer", "seen"),
    [
        ({}, "127.0.0.1", "127.0.0.1"),
        ({"tls_proxy": True}, "127.0.0.1", "203.0.113.9"),
        ({"tls_proxy": True}, "10.1.2.3", "10.1.2.3"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, "10.1.2.3", "203.0.113.9"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_forwarded_addresses_are_believed_from_trusted_proxies_only(
    settings: dict[str, Any], peer: str, seen: str
) -> None:
    reached: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    config = server_config(app, Settings(**settings))
    config.load()
    headers = [(b"x-forwarded-for", b"198.51.100.7, 203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]
    (found,) = reached
    assert found["client"][0] == seen
    assert found["scheme"] == ("https" if seen != peer else "http")
