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
ACCESS_FILES = 4
"""Files of the access log: the current one and three older ones."""
ERROR_INTERVAL_S = 60.0


class AccessFile(RotatingFileHandler):
    """A rotated file. A full disk is reported on stderr once a minute, not with every request."""

    _reported_at = -ERROR_INTERVAL_S

    def handleError(self, record: logging.LogRecord) -> None:
        """Report that a line was not written."""
        if time.monotonic() - self._reported_at >= ERROR_INTERVAL_S:
            self._reported_at = time.monotonic()
            sys.stderr.write(f"anneal: the access log is not written: {sys.exc_info()[1]}\n")


def log_access_to(target: Path | TextIO, limit: int = 0) -> None:
    """Write the access log to `target` instead of the process log; of a file, at most `limit` bytes are kept."""
    handler: logging.Handler
    if isinstance(target, Path):
        target.parent.mkdir(mode=0o700, exist_ok=True)
        handler = AccessFile(target, maxBytes=limit // ACCESS_FILES, backupCount=ACCESS_FILES - 1, encoding="utf-8")
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


def configure_logging(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write our own and the libraries' log lines as JSON to `stream` (stderr by default)."""
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
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
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
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
