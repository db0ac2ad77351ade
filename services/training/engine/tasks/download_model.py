"""Downloads a model from the Hugging Face Hub at a user's request: safe file types, one commit, resumable.

The access token comes as the first command ({"op": "token", "token": str | null}), never in the spec or the arguments.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalEntryNotFoundError  # type: ignore[attr-defined]

from shared.engine.hub import Source, check_disk_space, download_files, hub_errors, hub_network, size_of
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
COPIES = 2
"""The download, and the blob store's copy of it."""
HUB_TIMEOUT_S = 30.0


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"hub_id", "revision": str | null, "endpoint", "allowed_hosts", "outbound_hosts", "output": a kept folder}.

    Result {path, revision, size in bytes}, or {stopped}. Raises EngineError unknown_model, unknown_revision,
    gated_model, no_safetensors, disk_full, hub_unreachable.
    """
    token = commands.get().get("token")
    errors = hub_errors("model", spec["hub_id"], spec["endpoint"], with_token=bool(token))
    with hub_network(spec["endpoint"], spec["allowed_hosts"], spec["outbound_hosts"]), errors:
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
    source = Source("model", spec["hub_id"], str(info.sha), spec["endpoint"], token)
    if not download_files(source, files, output, reporter, commands):
        return {"stopped": True}
    return {"path": str(output), "revision": info.sha, "size": total}


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
    remedy = "Free disk space, or register the path of a copy on another disk."
    check_disk_space(hub_id, COPIES * sum(files.values()), output, remedy)
