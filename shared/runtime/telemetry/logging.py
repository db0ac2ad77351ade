"""structlog as JSON lines with trace ids, to stderr or a file."""

import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import structlog

from shared.runtime.telemetry.tracing import trace_id


def _add_trace_id(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    if found := trace_id():
        event["trace_id"] = found
    return event


ACCESS = logging.getLogger("anneal.access")
"""The access log: a line per request of the gateway."""
LOG_FILES = 4
"""Files of a log: the current one and three older ones."""
ERROR_INTERVAL_S = 60.0


class RotatedFile(RotatingFileHandler):
    """A log file of which at most `limit` bytes are kept. A full disk is reported on stderr once a minute."""

    def __init__(self, path: Path, limit: int) -> None:
        self._reported_at = -ERROR_INTERVAL_S
        super().__init__(path, maxBytes=limit // LOG_FILES, backupCount=LOG_FILES - 1, encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:
        """Report that a line was not written."""
        if time.monotonic() - self._reported_at >= ERROR_INTERVAL_S:
            self._reported_at = time.monotonic()
            name = Path(self.baseFilename).name
            sys.stderr.write(f"anneal: the log {name} is not written: {sys.exc_info()[1]}\n")


class _InvalidRequests(logging.Filter):
    """Passes uvicorn's line about bytes that are no HTTP request once a minute, with their number since then."""

    _count, _logged_at = 0, -ERROR_INTERVAL_S

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is logged."""
        if not str(record.msg).startswith("Invalid HTTP request"):
            return True
        self._count += 1
        if time.monotonic() - self._logged_at < ERROR_INTERVAL_S:
            return False
        record.msg = f"{record.msg} ({self._count} since the last such line)"
        self._count, self._logged_at = 0, time.monotonic()
        return True


_invalid_requests = _InvalidRequests()


def log_access_to(target: Path | TextIO, limit: int = 0) -> None:
    """Write the access log to `target` instead of the process log; of a file, at most `limit` bytes are kept."""
    handler: logging.Handler
    if isinstance(target, Path):
        target.parent.mkdir(mode=0o700, exist_ok=True)
        handler = RotatedFile(target, limit)
    else:
        handler = logging.StreamHandler(target)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    _reset_access_log()
    ACCESS.addHandler(handler)
    ACCESS.propagate = False


def _reset_access_log() -> None:
    for handler in ACCESS.handlers[:]:
        ACCESS.removeHandler(handler)
        handler.close()
    ACCESS.propagate = True


def configure_logging(target: Path | TextIO | None = None, limit: int = 0) -> None:
    """Write our own and the libraries' lines as JSON to `target` (default: stderr), at most `limit` bytes of a file."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_trace_id,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler: logging.Handler = (
        RotatedFile(target, limit) if isinstance(target, Path) else logging.StreamHandler(target or sys.stderr)
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    _reset_access_log()
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_invalid_requests)
