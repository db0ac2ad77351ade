"""Pushes of an export to a local hub and to a local object store, over HTTP and with the real engine."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.export.app import build
from services.export.models import Export, Result, Target
from services.export.push_record import Push
from services.export.store import open_exports, open_pushes
from shared.blobs.artifacts import publish
from shared.blobs.manifests import ArchiveMember, ExportManifest, FileEntry
from shared.runtime.http.principal import Principal
from tests.support.object_store import ListingServer, run_listing_server
from tests.support.platform import wait_until
from tests.support.push_hub import PushHub, run_push_hub
from tests.support.running_service import RunningService, open_service
from tests.support.secret_scan import files_with
from tests.support.signing import SignedAs

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {"README.md": b"# A model\n", "config.json": b"{}", "model.safetensors": b"weights" * 1000}
EMPTY = b"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
HUB = {"hub_id": "owner/tuned", "token": "hf_write"}
PUSH = "/exports/export_1/push"


@pytest.fixture(scope="module")
def hub_server() -> Iterator[PushHub]:
    with run_push_hub() as running:
        yield running


@pytest.fixture
def hub(hub_server: PushHub) -> PushHub:
    """The hub without repositories, objects and failures."""
    fresh = PushHub(url=hub_server.url)
    for name, value in vars(fresh).items():
        setattr(hub_server, name, value)
    return hub_server


@pytest.fixture(scope="module")
def store() -> Iterator[ListingServer]:
    with run_listing_server() as running:
        running.listing_body = EMPTY
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory, hub_server: PushHub) -> AsyncIterator[RunningService]:
    """A running service with one built export."""
    settings = {"hub_endpoint": hub_server.url, "import_hosts": ["127.0.0.1"]}
    async with open_service(build, tmp_path_factory.mktemp("export"), **settings) as service:
        await put_export(service, tmp_path_factory.mktemp("archive"))
        yield service


async def put_export(service: RunningService, folder: Path) -> None:
    """Publish an archive whose members are not compressed, and its document."""
    members, offset = [], 10
    for name, data in FILES.items():
        members.append(ArchiveMember(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest(), offset=offset))
        offset += len(data) + 10
    (folder / "export.zip").write_bytes(b"".join(b"-" * 10 + data for data in FILES.values()))
    manifest = ExportManifest(export_id="export_1", model_id="model_1", format="torch", check={}, members=members)
    blobs = service.resources.blobs
    stored = await publish(blobs, "default/exports/export_1", folder, manifest.model_dump(exclude={"files"}))
    result = Result(archive=FileEntry.model_validate(stored["files"][0]), members=members)
    target = Target(model_id="model_1", name="tuned-torch.zip", format="torch")
    export = Export(id="export_1", project="default", target=target, model_uri="anneal://default/models/custom/model_1")
    export.succeed(result, "anneal://default/exports/export_1")
    await (await open_exports(service.resources)).create(export)


async def push(service: RunningService, **body: Any) -> dict[str, Any]:
    """Push, wait for the end, and check that no secret is left."""
    answer = await service.http.post(PUSH, json=body)
    assert answer.status_code == 202, answer.text
    return await ended(service, answer.json()["id"])


async def ended(service: RunningService, id: str) -> dict[str, Any]:
    async def final() -> dict[str, Any] | None:
        shown: dict[str, Any] = (await service.http.get(f"/exports/pushes/{id}")).json()
        return shown if shown["state"] in ("succeeded", "failed", "cancelled") else None

    shown: dict[str, Any] = await wait_until(final, 300)
    assert (await (await open_pushes(service.resources)).get(id)).secret is None
    assert "secret" not in shown
    assert [files_with(secret, service.folder) for secret in ("hf_write", "key:secret")] == [[], []]
    return shown


async def test_new_repository_is_private_and_has_all_files(service: RunningService, hub: PushHub) -> None:
    done = await push(service, **HUB)
    assert done["state"] == "succeeded", done["detail"]
    assert done["bytes_done"] == done["bytes_total"] == sum(map(len, FILES.values()))
    assert done["url"].startswith(f"{hub.url}/owner/tuned/commit/")
    repository = hub.repositories["owner/tuned"]
    assert (repository.private, repository.files, repository.commits) == (True, FILES, 1)


async def test_public_repository_needs_a_word(service: RunningService, hub: PushHub) -> None:
    done = await push(service, **HUB, public=True)
    assert (done["state"], hub.repositories["owner/tuned"].private) == ("succeeded", False)
    refused = await push(service, **HUB)
    assert (refused["state"], refused["cause"]) == ("failed", "repository_is_public")
    assert hub.repositories["owner/tuned"].commits == 1


async def test_refused_token_is_named(service: RunningService, hub: PushHub) -> None:
    done = await push(service, hub_id="owner/tuned", token="hf_read")
    assert (done["state"], done["cause"]) == ("failed", "push_refused")
    assert "hf_read" not in done["detail"]


async def test_drifted_export_is_refused_unless_it_is_accepted(service: RunningService, hub: PushHub) -> None:
    exports = await open_exports(service.resources)

    await exports.change("export_1", lambda export: export.result.check.update(verdict="drifted"))
    answer = await service.http.post(PUSH, json=HUB)
    assert (answer.status_code, answer.json()["code"]) == (409, "export_drifted")
    assert (await push(service, **HUB, accept_drift=True))["state"] == "succeeded"
    await exports.change("export_1", lambda export: export.result.check.update(verdict="verified"))


async def test_upload_to_a_private_address_is_refused(service: RunningService, hub: PushHub) -> None:
    hub.storage = "http://127.0.0.2:9"
    done = await push(service, **HUB)
    assert (done["state"], done["cause"]) == ("failed", "address_refused"), done
    assert hub.repositories["owner/tuned"].commits == 0


async def test_cancelled_push_commits_nothing_and_the_next_one_resumes(
    service: RunningService, hub: PushHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.jobs.engine_runs.STOP_GRACE_S", 0.0)
    oid = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    hub.gate = gate = threading.Event()
    answer = (await service.http.post(PUSH, json=HUB)).json()
    assert await asyncio.to_thread(hub.arrived.wait, 300)
    await service.http.post(f"/exports/pushes/{answer['id']}/cancel")
    assert (await ended(service, answer["id"]))["state"] == "cancelled"
    gate.set()
    assert hub.repositories["owner/tuned"].commits == 0
    await wait_until(lambda: _uploaded(hub, oid))
    done = await push(service, **HUB)
    assert (done["state"], hub.uploads[oid]) == ("succeeded", 1)


async def _uploaded(hub: PushHub, oid: str) -> bool:
    return hub.uploads[oid] > 0


async def test_objects_that_are_there_are_not_uploaded_again(service: RunningService, store: ListingServer) -> None:
    address = f"{store.url}/bucket/models/tuned"
    done = await push(service, uri=address)
    assert done["state"] == "succeeded", done["detail"]
    assert done["location"] == done["url"] == address.replace("key:secret@", "")
    assert {path.removeprefix("/bucket/models/tuned/"): data for path, data in store.objects.items()} == FILES
    written = len(store.written)
    assert (await push(service, uri=address))["state"] == "succeeded"
    assert len(store.written) == written


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"hub_id": "owner/tuned"}, "token"),
        ({"hub_id": "../x", "token": "t"}, "hub_id"),
        ({**HUB, "uri": "s3+https://k:s@h/b/f"}, "exactly one"),
        ({"uri": "s3+https://k:s@h/bucket"}, "folder"),
        ({"uri": "s3://bucket/default/x"}, "uri"),
    ],
)
async def test_unusable_destination_is_refused(service: RunningService, body: dict[str, Any], field: str) -> None:
    answer = await service.http.post(PUSH, json=body)
    assert (answer.status_code, field in answer.text) == (422, True), answer.text


async def test_private_address_is_refused_unless_allowed(service: RunningService) -> None:
    done = await push(service, uri="s3+http://key:secret@127.0.0.2:9/bucket/folder")
    assert (done["state"], done["cause"]) == ("failed", "address_refused"), done
    assert "secret" not in str(done)


async def test_store_that_does_not_answer_fails_the_push(service: RunningService) -> None:
    done = await push(service, uri="s3+http://key:secret@127.0.0.1:9/bucket/folder")
    assert (done["state"], done["cause"]) == ("failed", "object_store_failed"), done


async def test_only_admins_push_to_object_stores_and_only_in_their_project(service: RunningService) -> None:
    writer = SignedAs(service.resources, Principal("writer", scopes=("write",)))
    answer = await service.http.post(PUSH, json={"uri": "s3+https://k:s@h/b/f"}, auth=writer)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    id = (await service.http.post(PUSH, json=HUB)).json()["id"]
    stranger = SignedAs(service.resources, Principal("stranger", "other", ("*",)))
    for method, path in (
        ("POST", PUSH),
        ("GET", "/exports/export_1/pushes"),
        ("GET", f"/exports/pushes/{id}"),
        ("POST", f"/exports/pushes/{id}/cancel"),
    ):
        body = HUB if path == PUSH else None
        assert (await service.http.request(method, path, json=body, auth=stranger)).status_code == 404
    await ended(service, id)


async def test_cancellation_after_the_commit_comes_too_late() -> None:
    pushed = Push(
        id="push_1",
        project="default",
        export_id="e",
        export_uri="u",
        destination="hub",
        location="o/n",
        secret="s",
        state="running",
    )
    pushed.mark_committed("https://hub/commit/1")
    pushed.mark_cancelled()
    assert (pushed.state, pushed.url, pushed.secret) == ("succeeded", "https://hub/commit/1", None)
