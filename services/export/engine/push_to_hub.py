"""Uploads a folder to a model repository of a Hugging Face hub: file by file, then one commit.

The token comes as the first command ({"op": "token", "token": str}), never in the spec or the arguments. A file whose
content the hub has already is not uploaded again, so that a repeated attempt resumes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    HfHubHTTPError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from shared.engine.hub import REPORT_INTERVAL_S, hub_network
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Commands, EngineError, Reporter

MESSAGE = "Upload a model fine-tuned with Anneal"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"hub_id", "revision", "public", "endpoint", "allowed_hosts" and "outbound_hosts": lists of str, "folder",
    "files": {name: bytes}}.

    Result {url, commit}, or {stopped}. Raises EngineError push_refused, repository_is_public, unknown_revision,
    address_refused or hub_unreachable.
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
    additions, file = [], None

    def report() -> None:
        reporter.progress(done + (file.sent if file else 0), total, "bytes")

    with ExitStack() as opened, run_periodically(report, REPORT_INTERVAL_S):
        for name in sorted(files, key=lambda name: files[name]):
            if commands.poll():
                return {"stopped": True}
            file = opened.enter_context(_Counted(Path(spec["folder"]) / name))
            addition = CommitOperationAdd(name, file)
            api.preupload_lfs_files(hub_id, [addition], revision=revision, free_memory=False)
            additions.append(addition)
            done, file = done + files[name], None
        if commands.poll():
            return {"stopped": True}
        commit = api.create_commit(hub_id, additions, commit_message=MESSAGE, revision=revision)
    reporter.emit("committed", url=commit.commit_url)
    reporter.progress(total, total, "bytes")
    return {"url": commit.commit_url, "commit": commit.oid}


class _Counted(io.BufferedReader):
    """A file that counts what is read of it: once for its hash, then for its upload."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size, self._read = path.stat().st_size, 0

    @property
    def sent(self) -> int:
        """Half of the bytes that were read, of which the upload is one half; repeated parts count no further."""
        return min(self._read // 2, self._size)

    def read(self, size: int | None = -1, /) -> bytes:
        """As that of files."""
        content = super().read(size)
        self._read += len(content)
        return content


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
    except RevisionNotFoundError as error:
        remedy = "Create it at the hub, or leave revision out."
        raise EngineError(
            "unknown_revision", f"{hub_id} has no such branch", field="revision", remedy=remedy
        ) from error
    except (HTTPError, HfHubHTTPError, RuntimeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, EngineError):  # of the network, inside an upload
            raise cause from error
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            remedy = "Send a token that may write to it, of an account that may create it."
            raise EngineError("push_refused", f"the hub refused this token for {hub_id}", remedy=remedy) from error
        text = re.sub(r"\?[^\s'\"]+", "", str(cause))  # the query of an upload's address may sign it
        if status is not None and 400 <= status < 500 and status not in (408, 429):
            remedy = "Change what the hub names, and push again."
            raise EngineError("push_refused", f"the hub refused the push: {text}", remedy=remedy) from error
        raise EngineError("hub_unreachable", f"{endpoint} failed: {text}", remedy="Push it again later.") from error
