"""Deployment settings of the gateway: the operator's key, and exposure of the port."""

from pathlib import Path

import httpx
import pytest

from services.gateway.app import build
from shared.runtime.errors import Misconfigured
from shared.runtime.http.server import refuse_exposure
from shared.runtime.resources import check, open_resources
from shared.runtime.settings import Settings

KEY = "o" * 64


async def test_a_configured_operator_key_replaces_the_generated_one(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path, operator_key=KEY)) as resources:
        await build(resources, {})
        gateway = await build(resources, {})  # another replica, or a restart
        headers = {"Authorization": f"Bearer {KEY}"}
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            assert (await client.post("/auth/link")).status_code == 201
            keys = (await client.get("/auth/keys")).json()["items"]
    assert [(key["name"], key["scopes"]) for key in keys] == [("first key", ["*"])]
    assert not (tmp_path / "api-key").exists()


def test_a_weak_operator_key_is_rejected() -> None:
    with pytest.raises(Misconfigured) as caught:
        check(Settings(operator_key="changeme"))
    assert "ANNEAL_OPERATOR_KEY" in (caught.value.remedy or "")


def test_an_exposed_port_needs_a_tls_proxy_or_loopback_publishing() -> None:
    with pytest.raises(Misconfigured) as caught:
        refuse_exposure(Settings(host="0.0.0.0"))
    assert "ANNEAL_TLS_PROXY" in (caught.value.remedy or "")
    refuse_exposure(Settings(host="0.0.0.0", tls_proxy=True))
    refuse_exposure(Settings(host="0.0.0.0", published_on_loopback=True))
