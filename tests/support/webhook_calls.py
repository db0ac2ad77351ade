"""Calls of the webhooks' routes, and the two official verifiers of deliveries."""

from typing import Any

import httpx
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support.platform import wait_until
from tests.support.webhook_receiver import Received

HOSTS = ["127.0.0.1"]
OPENAI = OpenAI(api_key="unused")
WRONG = "whsec_" + "A" * 43 + "="
"""A well-formed secret that no webhook has."""


async def create(client: httpx.AsyncClient, url: str, *event_types: str, **more: Any) -> dict[str, Any]:
    body = {"url": url, "event_types": event_types or ["dataset.deleted.v1"], **more}
    answer = await client.post("/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def ended(client: httpx.AsyncClient, webhook: dict[str, Any], id: str) -> dict[str, Any]:
    """The delivery once it has ended."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await client.get(f"/webhooks/{webhook['id']}/deliveries/{id}")).json()
        return found if found["state"] != "pending" else None

    return dict(await wait_until(look))


async def first_attempt(client: httpx.AsyncClient, webhook: dict[str, Any], id: str) -> dict[str, Any]:
    """The first attempt of a delivery, which stays pending."""

    async def look() -> dict[str, Any] | None:
        found = (await client.get(f"/webhooks/{webhook['id']}/deliveries/{id}")).json()
        return found["log"][0] if found["log"] else None

    return dict(await wait_until(look))


def accepted(received: Received, secret: str) -> bool:
    """Whether both official verifiers accept the signature. They must agree."""
    try:
        Verifier(secret).verify(received.body, received.headers)
        standard = True
    except WebhookVerificationError:
        standard = False
    try:
        OPENAI.webhooks.unwrap(received.body, received.headers, secret=secret)
    except InvalidWebhookSignatureError:
        assert not standard
        return False
    assert standard
    return True
