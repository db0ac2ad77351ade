"""Uploads a folder to a model repository of a Hugging Face hub: file by file, then one commit.

The token comes as the first command ({"op": "token", "token": str}), never in the spec or the arguments. A file whose
content the hub has already is not uploaded again, so that a repeated attempt resumes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RepositoryNotFoundError  # type: ignore[attr-defined]

from shared.engine.hub import REPORT_INTERVAL_S, hub_network
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter

MESSAGE = "Upload a model fine-tuned with Anneal"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"hub_id", "revision", "public", "endpoint", "allowed_hosts" and "outbound_hosts": lists of str, "folder",
    "files": {name: bytes}}.

    Result {url, commit}, or {stopped}. Raises EngineError push_refused, repository_is_public, address_refused or
    hub_unreachable.
    """
    token = commands.get().get("token")
    network = hub_network(spec["endpoint"], spec["allowed_hosts"], spec["outbound_hosts"])
    with network, push_errors(spec["hub_id"], spec["endpoint"]):
        return push(spec, HfApi(endpoint=spec["endpoint"], token=token), reporter, commands)


def push(spec: dict[str, Any], api: HfApi, reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Create the repository if it is new, upload the files, smallest first, and commit them together."""
    hub_id, revision, files = spec["hub_id"], spec["revision"], spec["files"]
    require_repository(api, hub_id, public=spec["public"])
    done, total = 0, sum(files.values())
    additions = []
    with run_periodically(lambda: reporter.progress(done, total, "bytes"), REPORT_INTERVAL_S):
        for name in sorted(files, key=lambda name: files[name]):
            if commands.poll():
                return {"stopped": True}
            addition = CommitOperationAdd(name, Path(spec["folder"]) / name)
            api.preupload_lfs_files(hub_id, [addition], revision=revision, free_memory=False)
            additions.append(addition)
            done += files[name]
        if commands.poll():
            return {"stopped": True}
        commit = api.create_commit(hub_id, additions, commit_message=MESSAGE, revision=revision)
    reporter.emit("committed", url=commit.commit_url)
    reporter.progress(total, total, "bytes")
    return {"url": commit.commit_url, "commit": commit.oid}


def require_repository(api: HfApi, hub_id: str, *, public: bool) -> None:
    """Create the repository, or check that an existing one is private. Raises EngineError repository_is_public."""
    try:
        info = api.model_info(hub_id)
    except RepositoryNotFoundError:
        api.create_repo(hub_id, private=not public, exist_ok=True)
        info = api.model_info(hub_id)
    if not info.private and not public:
        remedy = "Push to another repository, make it private, or set public to publish the model."
        raise EngineError("repository_is_public", f"{hub_id} is a public repository", remedy=remedy)


@contextmanager
def push_errors(hub_id: str, endpoint: str) -> Iterator[None]:
    """Translate the hub's errors to EngineErrors with a remedy."""
    try:
        yield
    except (HTTPError, HfHubHTTPError, RuntimeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, EngineError):  # of the network, inside an upload
            raise cause from error
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            remedy = "Send a token that may write to it, of an account that may create it."
            raise EngineError("push_refused", f"the hub refused this token for {hub_id}", remedy=remedy) from error
        text = re.sub(r"\?[^\s'\"]+", "", str(cause))  # the query of an upload's address may sign it
        raise EngineError("hub_unreachable", f"{endpoint} failed: {text}", remedy="Push it again later.") from error
