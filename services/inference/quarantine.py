"""Models that made the engine hang or crash: they are refused for a while, so that other models are served."""

import math
import time
from collections.abc import Collection

import structlog

from services.inference.errors import ModelQuarantined

log = structlog.get_logger(__name__)

QUARANTINE_S = 600.0
"""Also the time within which a second crash with the same model puts it into quarantine."""


class Quarantine:
    """The models by uri, by this process's clock."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, str]] = {}
        self._crashed: dict[str, float] = {}

    def require_free(self, uri: str) -> None:
        """Raise ModelQuarantined for a model in quarantine."""
        until, reason = self._until.get(uri, (0.0, ""))
        if (rest := until - time.monotonic()) > 0:
            raise ModelQuarantined(reason, math.ceil(rest))
        self._until.pop(uri, None)

    def report_hang(self, uris: Collection[str], seconds: float) -> None:
        """Put the models that were computed into quarantine."""
        self._add(uris, f"The engine did not answer for {seconds:.0f} seconds while it computed this model.")

    def report_crash(self, uris: Collection[str], how: str) -> None:
        """Put the models that were computed into quarantine if it happened before."""
        now = time.monotonic()
        again = [uri for uri in uris if now - self._crashed.get(uri, -math.inf) < QUARANTINE_S]
        self._crashed.update(dict.fromkeys(uris, now))
        self._add(again, f"The engine crashed twice while it computed this model ({how}).")

    def release(self, uri: str) -> None:
        """Serve the model again."""
        self._until.pop(uri, None)
        self._crashed.pop(uri, None)

    def _add(self, uris: Collection[str], reason: str) -> None:
        for uri in uris:
            log.warning("model_quarantined", model=uri, reason=reason, seconds=QUARANTINE_S)
            self._until[uri] = (time.monotonic() + QUARANTINE_S, reason)
