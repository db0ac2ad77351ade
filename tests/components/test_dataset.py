"""The dataset service over HTTP, with real documents, bus, blobs and engine processes; uploads over a real socket."""

import asyncio
import io
import json
import os
import re
import signal
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn

from services.dataset import validation
from services.dataset.app import build
from services.dataset.upload_store import UPLOAD_PREFIX
from shared.blobs.artifacts import key_of, publish, read_manifest
from shared.blobs.manifests import DatasetManifest
from shared.blobs.uses import add_use, remove_use
from shared.documents.local import LocalDocuments
from shared.events.dataset import DatasetDeleted, DatasetReady, DatasetRejected
from shared.events.envelope import Event
from shared.runtime.http.principal import HEADER, Principal
from shared.runtime.processes.children import Engines
from shared.runtime.resources import open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from tests.support.data_cases import data_case
from tests.support.running_service import RunningService, open_service
from tests.support.signing import SignedAs

QA = [{"question": f"What is {n} plus {n}?", "answer": f"It is {2 * n}."} for n in range(20)]


pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_service(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[RunningService]:
    """One running service for all tests, with its engines warmed up: importing torch can take many seconds."""
    async with open_service(build, tmp_path_factory.mktemp("dataset"), engines) as service:
        as_project(service, "warm-up")
        await upload(service, b"text", "a.txt")
        await next_event(service, DatasetReady)
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def service(shared_service: RunningService, request: pytest.FixtureRequest) -> RunningService:
    """The shared service, with requests signed for a project of this test alone."""
    while not shared_service.events.empty():
        shared_service.events.get_nowait()
    return as_project(shared_service, re.sub(r"\W", "-", request.node.name)[:60])


def as_project(service: RunningService, project: str) -> RunningService:
    """Sign all further requests for `project`."""

    service.http.auth = SignedAs(service.resources, Principal("tester", project, ("*",)))
    service.http.headers["x-test-project"] = project
    return service


def project_of(service: RunningService) -> str:
    return service.http.headers["x-test-project"]


def jsonl(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


async def upload(
    service: RunningService,
    content: bytes,
    file: str = "qa.jsonl",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    return await service.http.post("/datasets/upload", files={"file": (file, content)}, data=fields, headers=headers)


async def stored_objects(service: RunningService) -> set[str]:
    """Return every blob, draft, scratch file and undeleted document of the test's project."""
    home, project = service.resources.settings.directory, project_of(service)
    files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    files = {name for name in files if f"/{project}/" in name or name.startswith(("scratch/", "blobs/drafts/"))}
    for name in ("dataset.datasets", "dataset.versions"):
        collection = await service.resources.documents.collection(name)
        files |= {document["_id"] for document in await collection.find({"deleted_at": None, "project": project})}
    return files


async def expect_nothing_stored(service: RunningService) -> None:
    """Wait until nothing of the test's project is left: files may outlive a version's final state for a moment."""
    left: set[str] = set()
    try:
        async with asyncio.timeout(60):
            while left := await stored_objects(service):
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"left: {left}")


async def next_event(service: RunningService, event: type[Event]) -> dict[str, Any]:
    """Return the data of the next event of this type in the test's project."""
    async with asyncio.timeout(120):
        while (envelope := await service.events.get()).type != event.type or envelope.project != project_of(service):
            pass
    return envelope.data


async def test_upload_becomes_a_published_readable_version(service: RunningService) -> None:
    response = await upload(service, jsonl([*QA, QA[0]]) + b"{", validation_share="0.3")
    assert response.status_code == 201, response.text
    dataset = response.json()
    assert response.headers["location"] == f"/datasets/{dataset['id']}"
    assert (dataset["state"], dataset["name"], dataset["rows"]) == ("ready", "qa", 21)
    report = dataset["report"]
    assert (report["rejected"], report["duplicates"], report["layout"]) == (1, 1, "question/answer")
    assert report["rejected_rows"][0]["line"] == 22
    ready = await next_event(service, DatasetReady)
    assert ready == {
        "dataset_id": dataset["id"],
        "version": dataset["version"],
        "name": "qa",
        "dataset_uri": dataset["uri"],
        "rows": 21,
        "warnings": report["warnings"],
        "models": [],
        "parent": None,
    }
    assert [warning["code"] for warning in report["warnings"]] == ["rows_rejected"]
    blobs = service.resources.blobs
    manifest = DatasetManifest.model_validate(await read_manifest(blobs, key_of(dataset["uri"], project_of(service))))
    assert manifest.rows == report["splits"]
    assert {file.name for file in manifest.files} == {
        "rejected.jsonl",
        *manifest.shards["train"],
        *manifest.shards["validation"],
    }
    pointer = b"".join(
        [chunk async for chunk in blobs.read(f"{project_of(service)}/datasets/{dataset['id']}/latest.json")]
    )
    assert json.loads(pointer) == {"version": dataset["version"]}
    assert await blobs.list(UPLOAD_PREFIX) == []

    page = (await service.http.get(f"/datasets/{dataset['id']}/preview?split=validation&limit=100")).json()
    assert page["total"] == len(page["rows"]) == report["splits"]["validation"]
    row = page["rows"][0]
    assert row["row"]["messages"][0]["content"] == QA[row["row_id"] % 20]["question"]
    assert row["source"] == f"qa.jsonl:{row['row_id'] + 1}"
    rejected = await service.http.get(f"/datasets/{dataset['id']}/rejected")
    assert [json.loads(line)["line"] for line in rejected.text.splitlines()] == [22]
    listed = (await service.http.get("/datasets")).json()
    assert [item["id"] for item in listed["items"]] == [dataset["id"]]


async def test_masks_and_unpaired_preferences_are_published_and_given_back(service: RunningService) -> None:
    ask, answer = {"role": "user", "content": "Odd?"}, {"role": "assistant", "content": "Yes."}
    rows = [
        {"messages": [ask, {**answer, "weight": 0}, ask, answer]},
        {"messages": [{"role": "system", "content": "Count."}, ask, answer], "mood": "x"},
    ]
    dataset = (await upload(service, jsonl(rows), validation_share="0")).json()
    assert [warning["code"] for warning in dataset["report"]["warnings"]] == ["columns_not_understood"]
    assert (await next_event(service, DatasetReady))["warnings"] == dataset["report"]["warnings"]
    preview = (await service.http.get(f"/datasets/{dataset['id']}/preview")).json()
    assert preview["rows"][0]["row"]["messages"][1] == {**answer, "train": False}
    content = await service.http.get(f"/v1/files/{dataset['id']}/content")
    assert json.loads(content.text.splitlines()[0]) == rows[0]
    key = key_of(dataset["uri"], project_of(service))
    manifest = DatasetManifest.model_validate(await read_manifest(service.resources.blobs, key))
    assert {name: feature.rows for name, feature in manifest.features.items()} == {"system": 1}

    labelled = [{"prompt": f"{n} is odd", "completion": "Yes", "label": n % 2 == 1} for n in range(6)]
    unpaired = (await upload(service, jsonl(labelled), file="kto.jsonl")).json()
    assert (unpaired["state"], unpaired["report"]["form"]) == ("ready", "unpaired")
    content = await service.http.get(f"/v1/files/{unpaired['id']}/content")
    assert [json.loads(line)["label"] for line in content.text.splitlines()] == [row["label"] for row in labelled]


async def test_named_splits_are_published(service: RunningService) -> None:
    document = {"train": QA, "test": [{"question": "Odd?", "answer": "Yes."}]}
    dataset = (await upload(service, json.dumps(document).encode(), file="qa.json", validation_share="0")).json()
    assert dataset["report"]["splits"] == {"train": 20, "validation": 0, "test": 1}
    preview = (await service.http.get(f"/datasets/{dataset['id']}/preview?split=test")).json()
    assert (preview["total"], preview["rows"][0]["row"]["messages"][0]["content"]) == (1, "Odd?")
    manifest = DatasetManifest.model_validate(
        await read_manifest(service.resources.blobs, key_of(dataset["uri"], project_of(service)))
    )
    assert (manifest.rows["test"], manifest.shards["test"]) == (1, ["test-00000.parquet"])
    content = await service.http.get(f"/v1/files/{dataset['id']}/content")
    assert len(content.text.splitlines()) == 21
    other = (await upload(service, jsonl(QA), file="other.jsonl")).json()
    empty = (await service.http.get(f"/datasets/{other['id']}/preview?split=test")).json()
    assert (empty["total"], empty["rows"]) == (0, [])


async def test_same_bytes_are_the_same_version_and_other_bytes_a_new_one(service: RunningService) -> None:
    first = (await upload(service, jsonl(QA), file="a.jsonl")).json()
    again = await upload(service, jsonl(QA), file="a.jsonl")
    assert (again.status_code, again.json()) == (200, first)
    second = (await upload(service, jsonl(QA[:10]), file="a.jsonl")).json()
    assert second["id"] == first["id"]
    assert [version["version"] for version in second["versions"]] == [second["version"], first["version"]]
    seeded = (await upload(service, jsonl(QA), file="a.jsonl", seed="7")).json()
    assert len(seeded["versions"]) == 3
    back = await upload(service, jsonl(QA), file="a.jsonl")
    assert (back.status_code, back.json()["version"]) == (200, first["version"])
    old = await service.http.get(f"/datasets/{first['id']}/preview?version={second['version']}&split=train")
    assert old.json()["total"] == second["report"]["splits"]["train"]
    other = await service.http.get(f"/datasets/{first['id']}/preview?version=nope")
    assert (other.status_code, other.json()["field"]) == (404, "version")


def _zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "text")
    return buffer.getvalue()


BAD: dict[str, tuple[str, bytes, dict[str, str], int, str, str]] = {
    "empty": ("a.jsonl", b"", {}, 422, "empty_file", "file"),
    "extension": ("a.exe", b"x", {}, 415, "unsupported_format", "file"),
    "truncated zip": ("a.zip", _zip("a.txt")[:-20], {}, 422, "archive_refused", "file"),
    "escaping zip": ("a.zip", _zip("../a.txt"), {}, 422, "archive_refused", "file"),
    "broken lines": ("a.jsonl", b'{"text": "fine"}\n{"text": \n', {}, 422, "dataset_rejected", "file"),
    "invalid utf-8": ("a.jsonl", b'{"text": "caf\xe9"}\n', {}, 422, "dataset_rejected", "file"),
    "broken json": ("a.json", b'[{"text": "a"},', {}, 422, "file_unreadable", "file"),
    "no layout": ("a.csv", b"x,y\n1,2\n", {}, 422, "layout_not_recognised", "mapping"),
    "bad mapping": ("a.csv", b"x,y\n1,2\n", {"mapping": '{"colour": "x"}'}, 422, "invalid_input", "mapping"),
    "half mapping": ("a.csv", b"x,y\n1,2\n", {"mapping": '{"prompt": "x"}'}, 422, "layout_not_recognised", "mapping"),
    "mapping no json": ("a.csv", b"x,y\n1,2\n", {"mapping": "prompt"}, 422, "invalid_input", "mapping"),
    "share": ("a.txt", b"text", {"validation_share": "-1"}, 422, "invalid_input", "validation_share"),
    "unknown field": ("a.txt", b"text", {"colour": "red"}, 422, "invalid_input", "colour"),
}


async def test_bad_uploads_are_refused_with_a_reason_and_leave_no_data(service: RunningService) -> None:
    for case, (name, content, fields, status, code, field) in BAD.items():
        response = await upload(service, content, file=name, **fields)
        problem = response.json()
        assert (response.status_code, problem["code"], problem["field"]) == (status, code, field), (case, problem)
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["remedy"], case
        if rejected := problem.get("dataset_id"):  # its page keeps the reason
            shown = (await service.http.get(f"/datasets/{rejected}")).json()
            assert (shown["state"], shown["versions"][0]["code"]) == ("rejected", code), case
            assert (await service.http.delete(f"/datasets/{rejected}")).status_code == 204
        await expect_nothing_stored(service)
    missing = await service.http.post("/datasets/upload", data={"name": "a"}, files={"other": ("a.txt", b"x")})
    assert (missing.status_code, missing.json()["field"]) == (422, "other")
    plain = await service.http.post("/datasets/upload", json={"file": "x"})
    assert (plain.status_code, plain.json()["code"]) == (400, "malformed_upload")
    two = await service.http.post("/datasets/upload", files=[("file", ("a.txt", b"x")), ("file", ("b.txt", b"y"))])
    assert (two.status_code, two.json()["limit"]) == (422, 1)
    await expect_nothing_stored(service)


async def test_respond_async_returns_202_with_a_location(service: RunningService) -> None:
    response = await upload(service, jsonl(QA), headers={"Prefer": "respond-async"})
    assert response.status_code == 202
    assert response.json()["state"] == "validating"
    await next_event(service, DatasetReady)
    first = (await service.http.get(response.headers["location"])).json()
    assert first["state"] == "ready"
    newer = (await upload(service, jsonl(QA[:5]), headers={"Prefer": "respond-async"})).json()
    assert (newer["state"], newer["version"]) == ("validating", first["version"])
    assert newer["versions"][0]["state"] == "validating"
    assert (await next_event(service, DatasetReady))["version"] == newer["versions"][0]["version"]

    response = await upload(service, b'{"cut\n', file="bad.jsonl", headers={"Prefer": "respond-async"})
    rejected = await next_event(service, DatasetRejected)
    assert "The upload has no usable row" in rejected["reason"]
    shown = (await service.http.get(response.headers["location"])).json()
    assert (shown["state"], shown["versions"][0]["code"]) == ("rejected", "dataset_rejected")
    assert shown["report"]["rejected_rows"][0]["line"] == 1
    assert await service.resources.blobs.list(UPLOAD_PREFIX) == []
    early = await service.http.get(f"/datasets/{shown['id']}/preview")
    assert (early.status_code, early.json()["code"]) == (409, "dataset_not_ready")
    again = await upload(service, b'{"cut\n', file="bad.jsonl")
    assert (again.status_code, again.json()["dataset_id"]) == (422, shown["id"])
    kept = (await service.http.get(response.headers["location"])).json()
    assert [(version["state"], version["code"]) for version in kept["versions"]] == [("rejected", "dataset_rejected")]


async def test_an_upload_follows_one_whose_withdrawal_was_killed(service: RunningService) -> None:
    content = jsonl([{"prompt": str(n), "completion": "killed"} for n in range(20)])
    first = (await upload(service, content, name="withdrawn")).json()
    versions = await service.resources.documents.collection("dataset.versions")
    [document] = await versions.find({"dataset_id": first["id"]})
    await versions.patch(document["_id"], {}, set={"deleted_at": "2026-01-01T00:00:00Z"})  # and no more than that
    again = await upload(service, content, name="withdrawn")
    assert (again.status_code, again.json()["state"]) == (201, "ready"), again.text


async def test_rejected_upload_is_shown_beside_earlier_versions_until_the_next(service: RunningService) -> None:
    good = (await upload(service, jsonl(QA), file="a.jsonl")).json()
    bad = await upload(service, b"{\n", file="a.jsonl")
    assert bad.status_code == 422
    after = (await service.http.get(f"/datasets/{good['id']}")).json()
    assert (after["state"], after["version"]) == ("ready", good["version"])
    assert [version["state"] for version in after["versions"]] == ["rejected", "ready"]
    again = (await upload(service, jsonl(QA), file="a.jsonl")).json()
    assert [version["version"] for version in again["versions"]] == [good["version"]]


async def test_archive_with_a_mapping_as_a_test_set(service: RunningService) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.csv", "Frage;Antwort\nWas?;Das.\n")
        file.writestr("b.json", json.dumps([{"Frage": "Wer?", "Antwort": "Der."}]))
    fields = {"mapping": '{"question": "Frage", "answer": "Antwort"}', "heldout": "true", "name": "Fragen"}
    dataset = (await upload(service, buffer.getvalue(), file="x.zip", **fields)).json()
    assert (dataset["name"], dataset["report"]["splits"]) == ("Fragen", {"train": 0, "validation": 2})
    assert dataset["versions"][0]["options"]["mapping"] == {"question": "Frage", "answer": "Antwort"}
    empty = (await service.http.get(f"/datasets/{dataset['id']}/preview")).json()
    assert (empty["total"], empty["rows"]) == (0, [])


@data_case("API", "Deleting a dataset, or its file, under an unfinished job", "409 that names the jobs")
@pytest.mark.parametrize("path", ["/datasets/{}", "/v1/files/{}"])
async def test_dataset_needed_by_a_job_is_not_deleted(
    service: RunningService, request: pytest.FixtureRequest, path: str
) -> None:
    id = (await upload(service, json.dumps(QA).encode(), file="qa.json")).json()["id"]
    project = re.sub(r"\W", "-", request.node.name)[:60]
    await add_use(service.resources.blobs, project, id, "job_1")
    refused = await service.http.delete(path.format(id))
    assert refused.status_code == 409
    assert "job_1" in refused.text
    await remove_use(service.resources.blobs, project, id, "job_1")
    assert (await service.http.delete(path.format(id))).status_code in (200, 204)


async def test_deleted_dataset_frees_its_name(service: RunningService) -> None:
    first = (await upload(service, jsonl(QA))).json()
    assert (await service.http.delete(f"/datasets/{first['id']}")).status_code == 204
    assert await next_event(service, DatasetDeleted) == {"dataset_id": first["id"]}
    await expect_nothing_stored(service)
    assert (await service.http.get(f"/datasets/{first['id']}")).status_code == 404
    assert (await service.http.delete(f"/datasets/{first['id']}")).status_code == 404
    second = await upload(service, jsonl(QA))
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


async def test_deletion_stops_a_running_validation(service: RunningService) -> None:
    response = await upload(service, jsonl(QA * 500), headers={"Prefer": "respond-async"})
    assert (await service.http.delete(response.headers["location"])).status_code == 204
    assert await next_event(service, DatasetDeleted) == {"dataset_id": response.json()["id"]}
    await expect_nothing_stored(service)
    assert (await service.http.get("/datasets")).json()["items"] == []


async def test_concurrent_equal_uploads_are_validated_once(service: RunningService) -> None:
    responses = await asyncio.gather(*(upload(service, jsonl(QA)) for _ in range(3)))
    assert sorted(response.status_code for response in responses) == [200, 200, 201]
    assert len({response.json()["id"] for response in responses}) == 1
    assert all(len(response.json()["versions"]) == 1 for response in responses)


async def test_projects_are_isolated(service: RunningService) -> None:
    own = (await upload(service, jsonl(QA))).json()
    as_project(service, "elsewhere")
    for path in ("", "/preview", "/rejected"):
        assert (await service.http.get(f"/datasets/{own['id']}{path}")).status_code == 404
    assert (await service.http.get("/datasets")).json()["items"] == []
    other = (await upload(service, jsonl(QA))).json()
    assert other["uri"].startswith("anneal://elsewhere/datasets/")


async def test_lengths_and_rendered_text_use_the_models_template(service: RunningService) -> None:
    as_project(service, "default")
    await service.publish_models()
    named = await read_manifest(service.resources.blobs, "default/models/base/tiny")
    named |= {"model_id": "base_named", "name": "A name"}
    await publish(service.resources.blobs, "default/models/base/base_named", service.folder / "base", named)
    dataset = (await upload(service, jsonl(QA), validation_share="0.2")).json()
    path = f"/datasets/{dataset['id']}"
    for model in ("tiny", "A name", "model_tuned"):
        statistics = (await service.http.get(f"{path}/statistics?base={model}")).json()
        assert (statistics["rows"], statistics["counted"], statistics["cut"]) == (20, 20, 0)
        assert statistics["p50"] <= statistics["p99"] <= statistics["max"] <= statistics["suggested_max_length"]
        assert sum(bucket["rows"] for bucket in statistics["histogram"]) == 20
    tight = (await service.http.get(f"{path}/statistics?base=tiny&max_length=5")).json()
    assert (tight["cut"], tight["untrained"]) == (20, 20)

    rendered = (await service.http.get(f"{path}/rendered?base=tiny&row=3")).json()
    row = (await service.http.get(f"{path}/preview?offset=3&limit=1")).json()["rows"][0]
    (sample,) = rendered["samples"]
    assert rendered["row_id"] == row["row_id"]
    assert sample["spans"][0]["trained"] is False
    assert row["row"]["messages"][0]["content"] in sample["spans"][0]["text"]
    assert sample["spans"][1] == {"text": row["row"]["messages"][1]["content"] + "<|im_end|>", "trained": True}
    assert 0 < sample["trained_tokens"] < sample["tokens"]
    assert rendered["not_shown"] == []
    tools = [{"type": "function", "function": {"name": "ring"}}]
    with_tools = (await upload(service, jsonl([{**row["row"], "tools": tools}]), name="tools")).json()
    rendered = (await service.http.get(f"/datasets/{with_tools['id']}/rendered?base=tiny")).json()
    assert rendered["not_shown"] == ["tools"]

    unknown = await service.http.get(f"{path}/rendered?base=nobody")
    assert (unknown.status_code, unknown.json()["field"]) == (404, "base")
    invalid = await service.http.get(f"{path}/rendered", params={"base": "../tiny"})
    assert (invalid.status_code, invalid.json()["field"]) == (404, "base")
    out_of_range = await service.http.get(f"{path}/rendered?base=tiny&row=99")
    assert (out_of_range.status_code, out_of_range.json()["field"]) == (422, "row")


async def test_sample_datasets_can_be_uploaded(service: RunningService) -> None:
    samples = (await service.http.get("/datasets/samples")).json()
    assert samples
    for sample in samples:
        content = (await service.http.get(sample["url"])).content
        assert len(content) == sample["size"]
        response = await upload(service, content, file=sample["name"])
        assert (response.status_code, response.json()["rows"], response.json()["report"]["rejected"]) == (
            201,
            sample["rows"],
            0,
        )
    assert (await service.http.get("/datasets/samples/..%2Fapp.py")).status_code == 404


async def test_killed_engine_is_restarted(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    launch = service.resources.engines.launch

    async def watched(*args: Any, **options: Any) -> Any:
        child = await launch(*args, **options)
        launched.append(child.pid)
        if len(launched) == 1:
            os.kill(child.pid, signal.SIGKILL)
        return child

    monkeypatch.setattr(service.resources.engines, "launch", watched)
    response = await upload(service, jsonl(QA))
    assert response.status_code == 201
    assert len(launched) == 2


async def leave_unvalidated(tmp_path: Path) -> httpx.Response:
    """Stop the service while it validates an upload; returns the response to that upload."""
    async with open_service(build, tmp_path) as service:
        response = await upload(service, jsonl(QA), headers={"Prefer": "respond-async"})
        claimed = await service.resources.documents.collection("dataset.versions")
        async with asyncio.timeout(60):
            while not await claimed.find({"state": "running"}):
                await asyncio.sleep(0.01)
    return response


async def test_leftovers_of_a_killed_process_are_finished_or_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(validation, "ENGINE", "tests.unit.engine.engines:obstinate")
        left = await leave_unvalidated(tmp_path)
    documents = LocalDocuments(tmp_path / "home" / "documents.sqlite")
    versions = await documents.collection("dataset.versions")
    (version,) = await versions.find({})
    assert (version["state"], version["attempts"]) == ("queued", 0)
    await versions.patch(version["_id"], {"state": "queued"}, set={"state": "running", "token": 7, "attempts": 1})
    await documents.close()
    dead = tmp_path / "home" / "scratch" / "dataset" / "dead-t3"
    dead.mkdir(parents=True)
    stray = tmp_path / "home" / "blobs" / "objects" / UPLOAD_PREFIX / "default" / "up_stray" / "data.jsonl"
    stray.parent.mkdir()
    stray.write_bytes(b"cut off")
    async with open_service(build, tmp_path) as service:
        ready = await service.next_event(DatasetReady)
        assert ready["dataset_id"] == left.json()["id"]
        assert not dead.exists()
        assert not stray.exists()
        preview = (await service.http.get(f"/datasets/{ready['dataset_id']}/preview?version={ready['version']}")).json()
        assert preview["total"] > 0


@asynccontextmanager
async def served(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[RunningService, int]]:
    """Run the service behind a real HTTP server on a free port."""
    async with open_resources(Settings(home=tmp_path, **settings)) as resources:
        service = await build(resources)
        server = uvicorn.Server(uvicorn.Config(web_app(service, resources), port=0, log_level="error", lifespan="off"))
        async with running([service], resources):
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                yield as_project(RunningService(resources, http, tmp_path, asyncio.Queue()), "default"), port
            server.should_exit = True
            await task


async def test_upload_over_the_limit_is_refused_with_or_without_content_length(tmp_path: Path) -> None:
    async with served(tmp_path, upload_limit=100_000) as (service, _):

        async def endless() -> AsyncIterator[bytes]:
            yield b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
            for _ in range(300):
                yield b"x" * 10_000

        headers = {"Content-Type": "multipart/form-data; boundary=xx"}
        chunked = await service.http.post("/datasets/upload", content=endless(), headers=headers)
        declared = await upload(service, b"x" * 2_000_000, file="a.txt")
        for response in (chunked, declared):
            assert (response.status_code, response.json()["code"], response.json()["limit"]) == (
                413,
                "upload_too_large",
                100_000,
            )
        await expect_nothing_stored(service)


async def test_disconnected_client_leaves_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, port):
        drafts = service.resources.settings.directory / "blobs" / "drafts"
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        request = httpx.Request("POST", "http://x/datasets/upload", content=iter(()))
        principal = SignedAs(service.resources).sign(request)
        head = ["POST /datasets/upload HTTP/1.1", "Host: x", "Content-Length: 100000000", f"{HEADER}: {principal}"]
        head += ["Content-Type: multipart/form-data; boundary=xx", "", "--xx"]
        head += ['Content-Disposition: form-data; name="file"; filename="a.txt"', "", "x" * 3_000_000]
        writer.write("\r\n".join(head).encode())
        await writer.drain()
        async with asyncio.timeout(60):
            while not list(drafts.iterdir()):
                await asyncio.sleep(0.01)
            writer.close()
            while list(drafts.iterdir()):
                await asyncio.sleep(0.01)
        await expect_nothing_stored(service)
