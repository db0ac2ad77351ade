"""The records of a job over the websocket: each once and in order, across reconnects."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from cli.client import Client
from cli.errors import CommandError

logging.getLogger("websockets").addHandler(logging.NullHandler())  # a lost connection is retried, not printed

RETRY_INTERVAL_S = 2.0
RECONNECT_TIMEOUT_S = 300.0


def records(client: Client, job_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the records with seq > `after` until the job ends; continues after the last record on reconnect."""
    address = client.url.replace("http", "ws", 1)
    lost_since: float | None = None
    while True:
        try:
            headers = {"Authorization": f"Bearer {client.key}"}
            with connect(
                f"{address}/live?job={job_id}&after={after}", additional_headers=headers, max_size=None
            ) as socket:
                lost_since = None
                for text in socket:
                    message = json.loads(text)
                    for record in message.get("records", []):
                        after = record["seq"]
                        yield record
                    if message["type"] == "error":
                        raise CommandError(message["problem"]["detail"], message["problem"])
                    if message["type"] == "end":
                        return
        except (OSError, ConnectionClosed, InvalidHandshake) as error:
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > RECONNECT_TIMEOUT_S:
                raise CommandError(f"Lost the connection to {client.url}: {error}. The job continues there.") from error
            time.sleep(RETRY_INTERVAL_S)
