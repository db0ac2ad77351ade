"""Signatures of Standard Webhooks (standardwebhooks.com), which OpenAI's client verifies too."""

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

PREFIX = "whsec_"
SECRET_BYTES = 32


def generate_secret() -> str:
    """A random secret: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, body: str, keys: Iterable[str], timestamp: int) -> dict[str, str]:
    """The headers of a delivery that is sent at a Unix time, with a signature by each secret."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    signatures = [Signer(key).sign(delivery_id, moment, body) for key in keys]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
