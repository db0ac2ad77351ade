"""Downloads from the Hugging Face Hub at a user's request: one commit, file by file, resumable.

Only an engine that is launched for a download calls this; every other one is offline.
"""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import huggingface_hub.constants as hub_constants
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter

Kind = Literal["model", "dataset"]

MIN_FREE_BYTES = 2**30
"""Bytes that stay free on the disk."""
REPORT_INTERVAL_S = 1.0
NETWORK_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")
"""Audit events of Python that come before a packet leaves."""


@dataclass(frozen=True)
class Source:
    """A repository at one commit."""

    kind: Kind
    hub_id: str
    commit: str
    endpoint: str
    token: str | None


def use_network() -> None:
    """Let this process use the network: the forkserver has imported the library offline."""
    hub_constants.HF_HUB_OFFLINE = False
    disable_progress_bars()


@contextmanager
def without_network() -> Iterator[None]:
    """Refuse every connection that this process's Python code begins meanwhile, in any thread (PermissionError)."""
    _install_hook()
    _refusals.append(True)
    try:
        yield
    finally:
        _refusals.pop()


_refusals: list[bool] = []
"""One for each `without_network` that is entered."""


@cache
def _install_hook() -> None:
    def refuse(event: str, args: tuple[object, ...]) -> None:
        if _refusals and event in NETWORK_EVENTS:
            raise PermissionError(errno.EPERM, "the network is not used here")

    sys.addaudithook(refuse)


def download_files(
    source: Source, files: Mapping[str, int], output: Path, reporter: Reporter, commands: Commands
) -> bool:
    """Download files (name -> bytes), smallest first, resuming what an interrupted attempt left in `output`.

    Return False when told to stop.
    """
    total = sum(files.values())
    # The folder's size includes partial files of an earlier attempt.
    with run_periodically(lambda: reporter.progress(min(total, size_of(output)), total, "bytes"), REPORT_INTERVAL_S):
        for name in sorted(files, key=lambda name: files[name]):
            if commands.poll():
                return False
            download_file(source, name, output)
    reporter.progress(total, total, "bytes")
    return True


def download_file(source: Source, name: str, output: Path) -> Path:
    """Download a file into `output`, resuming where an interrupted attempt stopped."""
    path = hf_hub_download(
        source.hub_id,
        name,
        repo_type=source.kind,
        revision=source.commit,
        endpoint=source.endpoint,
        token=source.token or False,
        local_dir=output,
    )
    return Path(path)


def size_of(folder: Path) -> int:
    """Bytes in the folder and its sub-folders; files that are deleted meanwhile do not count."""
    sizes = 0
    for path in folder.rglob("*"):
        try:
            sizes += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return sizes


def check_disk_space(hub_id: str, needed: int, output: Path, remedy: str) -> None:
    """Create `output`, and check that `needed` bytes, less what it holds, fit. Raises EngineError disk_full."""
    output.mkdir(parents=True, exist_ok=True)
    missing, free = needed - size_of(output) + MIN_FREE_BYTES, shutil.disk_usage(output).free
    if missing > free:
        raise EngineError(
            "disk_full",
            f"{hub_id} needs {missing / 2**30:.1f} GiB of disk space, and {free / 2**30:.1f} GiB are free",
            remedy=remedy,
        )


@contextmanager
def hub_errors(kind: Kind, hub_id: str, endpoint: str, *, with_token: bool) -> Iterator[None]:
    """Translate the hub's errors to EngineErrors with a remedy.

    Raises unknown_model or unknown_dataset, gated_model or gated_dataset, unknown_revision, disk_full, hub_unreachable.
    """
    page = f"{endpoint}/{'datasets/' if kind == 'dataset' else ''}{hub_id}"
    try:
        yield
    except GatedRepoError as error:
        accept = f"Accept its terms at {page}"
        option = " (--token-env HF_TOKEN)" if kind == "dataset" else ""
        send = f'then send a token of that account: {{"token": "hf_…"}}{option}'
        hint = "with the account of this token" if with_token else send
        raise EngineError(
            f"gated_{kind}", f"{hub_id} is gated", remedy=f"{accept}, {hint}.", hub_status=_status(error)
        ) from error
    except RevisionNotFoundError as error:
        raise EngineError("unknown_revision", f"{hub_id} has no such revision", remedy="Leave revision out.") from error
    except RepositoryNotFoundError as error:
        remedy = "Check its spelling (owner/name); a private one needs the token of an account that may read it."
        raise EngineError(
            f"unknown_{kind}", f"{endpoint} has no {kind} {hub_id}, or does not show it to this account", remedy=remedy
        ) from error
    except HFValidationError as error:
        remedy = "Give it as owner/name, such as rajpurkar/squad."
        raise EngineError(f"unknown_{kind}", f"{hub_id} is no id of a {kind}", remedy=remedy) from error
    except (HTTPError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        if _status(error) in (401, 403):
            raise EngineError(
                f"gated_{kind}", f"the hub refused this token for {hub_id}", remedy="Send a valid token."
            ) from error
        raise EngineError("hub_unreachable", f"{endpoint} failed: {error}", remedy="Try again later.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = "Free disk space, then request it again."
        raise EngineError("disk_full", f"The disk filled up while {hub_id} was downloaded", remedy=remedy) from error


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)
