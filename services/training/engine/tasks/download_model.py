"""Downloads a model from the Hugging Face Hub at a user's request: safe file types, one commit, resumable.

The access token comes as the first command ({"op": "token", "token": str | null}), never in the spec or the arguments.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub.constants as hub_constants
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter

FILE_PATTERNS = (
    "*.safetensors",
    "*.json",
    "tokenizer.model",
    "*.jinja",
    "merges.txt",
    "vocab.txt",
    "LICENSE*",
    "README.md",
)
MIN_FREE_BYTES = 2**30
"""Bytes that stay free on the disk."""
COPIES = 2
"""The download, and the blob store's copy of it."""
HUB_TIMEOUT_S = 30.0
REPORT_INTERVAL_S = 1.0


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"hub_id", "revision": str | null, "endpoint", "output": a folder that is kept between attempts}.

    Result {path, revision, size in bytes}, or {stopped}. Raises EngineError unknown_model, unknown_revision,
    gated_model, no_safetensors, disk_full, hub_unreachable.
    """
    token = commands.get().get("token")
    hub_constants.HF_HUB_OFFLINE = False  # the forkserver imports it offline; only this child may use the network
    disable_progress_bars()
    with hub_errors(spec["hub_id"], spec["endpoint"], bool(token)):
        try:
            return download(spec, token, reporter, commands)
        except (HTTPError, HfHubHTTPError) as error:
            if getattr(error, "response", None) is None and (cached := cached_snapshot(spec)):
                reporter.log(
                    "warning",
                    f"{spec['endpoint']} is not reachable: using the copy in this machine's Hugging Face cache",
                )
                return cached
            raise


def download(spec: dict[str, Any], token: str | None, reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Pin the commit, check the free disk space, and download the files one by one, smallest first."""
    api, output = HfApi(endpoint=spec["endpoint"], token=token or False), Path(spec["output"])
    info = api.model_info(spec["hub_id"], revision=spec["revision"], files_metadata=True, timeout=HUB_TIMEOUT_S)
    files = {s.rfilename: int(s.size or 0) for s in info.siblings or [] if is_downloaded(s.rfilename)}
    check_files(spec["hub_id"], files, output)
    total = sum(files.values())
    reporter.log("info", f"{spec['hub_id']} at commit {info.sha}: {len(files)} files, {total} bytes")
    # The folder's size includes partial files of an earlier attempt.
    with run_periodically(lambda: reporter.progress(min(total, size_of(output)), total, "bytes"), REPORT_INTERVAL_S):
        for name in sorted(files, key=lambda name: files[name]):
            if commands.poll():
                return {"stopped": True}
            download_file(spec, str(info.sha), name, token)
    reporter.progress(total, total, "bytes")
    return {"path": str(output), "revision": info.sha, "size": total}


def size_of(folder: Path) -> int:
    """Bytes in the folder and its sub-folders; files that are deleted meanwhile do not count."""
    sizes = 0
    for path in folder.rglob("*"):
        try:
            sizes += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return sizes


def cached_snapshot(spec: dict[str, Any]) -> dict[str, Any] | None:
    """The snapshot in the user's Hugging Face cache, which another program has downloaded; None if there is none."""
    try:
        path = snapshot_download(spec["hub_id"], revision=spec["revision"], local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    return {"path": path, "revision": Path(path).name, "size": size_of(Path(path))}


def is_downloaded(name: str) -> bool:
    """Whether a file is downloaded: safetensors, configs, tokenizer; none in sub-folders such as original/ or onnx/."""
    return "/" not in name and any(fnmatch(name, pattern) for pattern in FILE_PATTERNS)


def check_files(hub_id: str, files: dict[str, int], output: Path) -> None:
    """Check the files' names and total size. Raises EngineError no_safetensors or disk_full."""
    if not any(name.endswith(".safetensors") for name in files):
        remedy = "Choose a repository with safetensors weights; pickle files are not loaded here."
        raise EngineError("no_safetensors", f"{hub_id} has no safetensors files", remedy=remedy)
    output.mkdir(parents=True, exist_ok=True)
    needed = COPIES * sum(files.values()) - size_of(output) + MIN_FREE_BYTES
    free = shutil.disk_usage(output).free
    if needed > free:
        raise EngineError(
            "disk_full",
            f"{hub_id} needs {needed / 2**30:.1f} GiB of disk space, and {free / 2**30:.1f} GiB are free",
            remedy="Free disk space, or register the path of a copy on another disk.",
        )


def download_file(spec: dict[str, Any], commit: str, name: str, token: str | None) -> None:
    """Download a file, resuming where an interrupted attempt stopped."""
    hf_hub_download(
        spec["hub_id"],
        name,
        revision=commit,
        endpoint=spec["endpoint"],
        token=token or False,
        local_dir=spec["output"],
    )


@contextmanager
def hub_errors(hub_id: str, endpoint: str, with_token: bool) -> Iterator[None]:
    """Translate the hub's errors to EngineErrors with a remedy."""
    try:
        yield
    except GatedRepoError as error:
        accept = f"Accept its terms at {endpoint}/{hub_id}"
        hint = (
            "with the account of this token" if with_token else 'then send a token of that account: {"token": "hf_…"}'
        )
        raise EngineError(
            "gated_model", f"{hub_id} is gated", remedy=f"{accept}, {hint}.", hub_status=_status(error)
        ) from error
    except RevisionNotFoundError as error:
        raise EngineError("unknown_revision", f"{hub_id} has no such revision", remedy="Leave revision out.") from error
    except RepositoryNotFoundError as error:
        remedy = "Check its spelling (owner/name); a private model needs the token of an account that may read it."
        raise EngineError(
            "unknown_model", f"{endpoint} has no model {hub_id}, or does not show it to this account", remedy=remedy
        ) from error
    except (HTTPError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        if _status(error) in (401, 403):
            raise EngineError(
                "gated_model", f"the hub refused this token for {hub_id}", remedy="Send a valid token."
            ) from error
        raise EngineError("hub_unreachable", f"{endpoint} failed: {error}", remedy="Try again later.") from error


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None)
