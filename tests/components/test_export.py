"""The export service over HTTP, with real documents, bus, blobs and engine processes, and a tiny model."""

import asyncio
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.export.app import build
from services.export.downloads import DamagedFile
from services.export.handlers import subscriptions
from services.export.models import Export
from services.export.service import ExportService
from services.export.store import open_exports, open_model_names, open_uses
from shared.blobs.uses import add_use, users_of
from shared.documents.entities import derived_id
from shared.events.envelope import Envelope, Event
from shared.events.export import ExportCompleted, ExportDeleted, ExportFailed
from shared.events.registry import CONSUMERS
from shared.events.training import FollowUp, ModelRenamed, TrainingSucceeded
from shared.runtime.processes.children import Engines
from shared.runtime.processes.limits import DefaultLimits
from tests.support.damage import flip_bit
from tests.support.platform import wait_until
from tests.support.running_service import RunningService, open_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

TUNED = "/models/custom/model_tuned"


def trained(model_id: str, *after: FollowUp) -> TrainingSucceeded:
    return TrainingSucceeded(
        job_id="job_1",
        model_id=model_id,
        model_uri=f"anneal://default/models/custom/{model_id}",
        name="tiny tuned",
        base="tiny",
        method="lora",
        dataset_id="dataset_chat",
        dataset_version="v1",
        after=list(after),
    )


async def handle(service: RunningService, event: Event, sequence: int = 1) -> None:
    """Handle an event without a worker; an exception would dead-letter it."""
    resources = service.resources
    stores = await open_exports(resources), await open_model_names(resources)
    uses = open_uses(resources.blobs, stores[0])
    exports = ExportService(*stores, resources.blobs, None, uses)  # type: ignore[arg-type]
    envelope = Envelope.of(event, service="training", subject="job_1", project="default", sequence=sequence)
    await subscriptions(exports)[type(event)](event, envelope)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> AsyncIterator[RunningService]:
    """One running service for all tests: its forkserver takes longer to start than any test."""
    async with open_service(build, tmp_path_factory.mktemp("export"), engines) as service:
        await service.publish_models()
        await service.publish_full_model()
        yield service


async def test_first_request_builds_and_later_ones_download(service: RunningService, tmp_path: Path) -> None:
    url = f"{TUNED}/export?format=torch"
    assert (await service.http.head(url)).status_code == 202
    assert (await service.http.get("/exports")).json()["items"] == []
    first, second = await asyncio.gather(service.http.get(url), service.http.get(url))
    assert (first.status_code, first.headers["retry-after"]) == (202, "5")
    assert first.headers["location"] == second.headers["location"] == f"/exports/{first.json()['id']}"
    completed = await service.next_event(ExportCompleted)

    shown = (await service.http.get(first.headers["location"])).json()
    assert (shown["state"], shown["check"]["passed"]) == ("succeeded", True)
    assert shown["check"]["max_difference"] < 1e-4
    response = await service.http.get(url)
    assert response.status_code == 200
    assert len(response.content) == shown["archive"]["size"] == completed["size"]
    assert hashlib.sha256(response.content).hexdigest() == shown["archive"]["sha256"]
    assert response.headers["content-disposition"] == 'attachment; filename="tiny-tuned-torch.zip"'

    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(io.BytesIO(response.content)).extractall(unpacked)
    folder = unpacked / "tiny-tuned-torch"
    names = {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"}
    assert names <= {path.name for path in folder.iterdir()}
    assert isinstance(json.loads((folder / "generation_config.json").read_text())["eos_token_id"], list)
    card = (folder / "README.md").read_text()
    assert "dataset_chat@v1" in card
    assert "| learning_rate | 0.006 |" in card
    for file in shown["files"]:
        assert hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() == file["sha256"]


async def test_downloads_can_be_resumed_and_cached(service: RunningService) -> None:
    url = f"{TUNED}/export?format=torch"
    whole = await service.http.get(url)
    size, etag = len(whole.content), whole.headers["etag"]
    for header, start, end in (("bytes=100-", 100, size), ("bytes=0-9", 0, 10), ("bytes=-7", size - 7, size)):
        part = await service.http.get(url, headers={"Range": header, "If-Range": etag})
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    stale = await service.http.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, size)
    same = await service.http.get(url, headers={"If-None-Match": f'"other", {etag}'})
    assert (same.status_code, same.content) == (304, b"")
    out_of_range = await service.http.get(url, headers={"Range": f"bytes={size}-"})
    assert (out_of_range.status_code, out_of_range.headers["content-range"]) == (416, f"bytes */{size}")
    assert out_of_range.json()["code"] == "range_not_satisfiable"
    endless = await service.http.get(url, headers={"Range": f"bytes=0-{'9' * 5000}"})
    assert (endless.status_code, len(endless.content)) == (200, size)
    head = await service.http.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")

    export = (await service.http.get("/exports?model_id=model_tuned")).json()["items"][0]
    member = next(file for file in export["files"] if file["name"] == "model.safetensors")
    url = f"/exports/{export['id']}/files/model.safetensors"
    file = await service.http.get(url)
    assert hashlib.sha256(file.content).hexdigest() == member["sha256"]
    part = await service.http.get(url, headers={"Range": "bytes=8-15"})
    assert part.content == file.content[8:16]
    assert (await service.http.head(url)).headers["content-length"] == str(member["size"])
    assert (await service.http.get(f"/exports/{export['id']}/files/../secret")).status_code == 404

    archive = next(path for path in service.folder.rglob("*export.zip*") if path.stat().st_size == size)
    stored = archive.read_bytes()
    archive.write_bytes(stored[:100] + bytes([stored[100] ^ 1]) + stored[101:])
    try:
        with pytest.raises(DamagedFile):  # the connection ends before the last bytes
            await service.http.get(f"{TUNED}/export?format=torch")
    finally:
        archive.write_bytes(stored)


async def test_onnx_export_of_a_training_job_is_verified_and_its_model_card_runs(
    service: RunningService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = trained("model_tuned", "evaluate", "export_onnx")
    await service.resources.bus.publish(Envelope.of(event, service="training", subject="job_1", project="default"))
    completed = await service.next_event(ExportCompleted)
    shown = (await service.http.get(f"/exports/{completed['export_id']}")).json()
    assert (shown["format"], shown["job_id"]) == ("onnx", "job_1")
    assert shown["check"]["equal_greedy_tokens"]
    assert shown["check"]["batches"] == [1, 3]
    assert shown["verdict"] == "verified"
    assert shown["check"]["max_difference"] < 1e-3
    archive = await service.http.get(f"{TUNED}/export?format=onnx")
    zipfile.ZipFile(io.BytesIO(archive.content)).extractall(tmp_path)
    folder = tmp_path / "tiny-tuned-onnx"
    snippet = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert snippet
    monkeypatch.chdir(folder)
    exec(snippet.group(1), {})
    assert capsys.readouterr().out.strip()


async def test_deleted_model_is_not_exported(service: RunningService) -> None:
    await handle(service, trained("model_gone", "export_torch"))


async def test_adapter_export_names_its_base_model_and_no_local_path(service: RunningService, tmp_path: Path) -> None:
    key = f"default/exports/{derived_id('export', 'default', 'model_tuned', 'adapter', '0')}"
    await service.resources.blobs.put(f"{key}/t0/export.zip", b"left by an attempt that was killed while publishing")
    response = await service.http.post(f"{TUNED}/exports", json={"format": "adapter"})
    assert response.status_code == 202
    await service.next_event(ExportCompleted)
    left = [blob.key for blob in await service.resources.blobs.list(key)]
    assert left == [f"{key}/t1/export.zip", f"{key}/t1/manifest.json"]
    archive = await service.http.get(f"{TUNED}/export?format=adapter")
    zipfile.ZipFile(io.BytesIO(archive.content)).extractall(tmp_path)
    config = json.loads((tmp_path / "tiny-tuned-adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    settings = json.loads((tmp_path / "tiny-tuned-adapter" / "generation_config.json").read_text())
    assert settings["eos_token_id"]
    refused = await service.http.get("/models/custom/model_full/export?format=adapter")
    assert (refused.status_code, refused.json()["code"]) == (409, "model_has_no_adapter")
    assert refused.json()["limit"] == ["torch", "onnx", "gguf"]


async def test_gguf_without_llama_cpp_is_unverified_and_a_drifted_export_needs_consent(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.resources.settings, "llama_cpp_python", "")  # whatever this machine has
    rows = [
        {"messages": [{"role": "user", "content": f"Q{i}"}, {"role": "assistant", "content": "A"}]} for i in range(5)
    ]
    await service.publish_dataset("dataset_gate", rows)
    uri = "anneal://default/datasets/dataset_gate/v1"
    await service.publish_models("model_gguf", dataset_uri=uri)
    url = "/models/custom/model_gguf/export?format=gguf&quantization=q8_0"
    found = (await service.http.get(url)).headers["location"]
    await service.next_event(ExportCompleted)
    shown = (await service.http.get(found)).json()
    assert (shown["verdict"], shown["quantization"]) == ("unverified", "q8_0")
    assert shown["warnings"][0]["code"] == "export_unverified"
    assert {file["name"] for file in shown["files"]} == {"Modelfile", "README.md", "model.gguf"}
    assert (await service.http.get(url)).status_code == 200

    await service.http.get("/models/custom/model_gguf/export?format=adapter")
    completed = await service.next_event(ExportCompleted)
    check = (await service.http.get(f"/exports/{completed['export_id']}")).json()["check"]
    assert (check["verdict"], check["prompts"], check["prompts_from"]) == (
        "verified",
        5,
        "5 held-out rows of dataset_gate@v1 (validation)",
    )
    assert check["perplexity"] == pytest.approx(check["perplexity_of_tuned_model"], rel=1e-3)

    def drift(export: Export) -> None:
        export.result.check = {**check, "verdict": "drifted", "causes": ["mean difference 2 (limit 0.01)"]}

    await (await open_exports(service.resources)).change(completed["export_id"], drift)
    url = "/models/custom/model_gguf/export?format=adapter"
    refused = await service.http.get(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "export_drifted")
    assert "mean difference 2" in refused.json()["detail"]
    assert (await service.http.get(f"/exports/{completed['export_id']}/files/README.md")).status_code == 409
    assert (await service.http.get(f"{url}&accept_drift=true")).status_code == 200


async def test_deletion_frees_the_files_and_a_later_request_builds_again(service: RunningService) -> None:
    url = "/models/custom/model_full/export"
    first = (await service.http.get(url)).headers["location"]
    running = await service.http.delete(first)
    assert (running.status_code, running.json()["code"]) == (409, "export_running")
    await service.next_event(ExportCompleted)
    assert (await service.http.delete(first)).status_code == 204
    assert f"/exports/{(await service.next_event(ExportDeleted))['export_id']}" == first
    assert (await service.http.get(first)).status_code == 404
    assert await service.resources.blobs.list(f"default{first}") == []
    await handle(service, trained("model_full", "export_torch"))  # redelivered event of its job
    assert (await service.http.get("/exports?model_id=model_full")).json()["items"] == []
    second = (await service.http.get(url)).headers["location"]
    assert second != first
    cancelled = await service.http.post(f"{second}/cancel")
    assert cancelled.json()["wanted"] == "cancel"

    async def ended() -> bool:
        return (await service.http.get(second)).json()["state"] == "cancelled"

    await wait_until(ended)
    problem = (await service.http.get(url)).json()
    assert problem["code"] == "export_not_built"
    assert "POST /models/custom/model_full/exports" in problem["remedy"]


async def test_export_of_a_renamed_model_has_its_new_name(service: RunningService) -> None:
    await service.publish_models("model_renamed")
    await handle(service, ModelRenamed(model_id="model_renamed", name="Support v3"), sequence=3)
    await handle(service, ModelRenamed(model_id="model_renamed", name="Support v2"), sequence=2)
    await service.http.get("/models/custom/model_renamed/export?format=adapter")
    await service.next_event(ExportCompleted)
    archive = await service.http.get("/models/custom/model_renamed/export?format=adapter")
    assert archive.headers["content-disposition"] == 'attachment; filename="support-v3-adapter.zip"'
    with zipfile.ZipFile(io.BytesIO(archive.content)) as unpacked:
        assert "# Support v3\n" in unpacked.read("support-v3-adapter/README.md").decode()


async def test_changed_weights_are_not_exported(service: RunningService) -> None:
    await service.publish_models("model_changed")
    folder = await service.resources.blobs.local_folder("default/models/custom/model_changed")
    flip_bit(folder / "adapter_model.safetensors")
    await service.http.get("/models/custom/model_changed/export")
    assert (await service.next_event(ExportFailed))["cause"] == "corrupt_artifact"


async def test_an_archive_larger_than_an_engine_may_write_is_a_named_failure(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.resources.engines, "_limits", DefaultLimits(file_bytes=1 << 12))
    await service.publish_models("model_large")
    await service.http.get("/models/custom/model_large/export")
    failed = await service.next_event(ExportFailed)
    assert (failed["model_id"], failed["cause"]) == ("model_large", "file_too_large")


async def test_failed_export_has_a_cause_and_can_be_restarted(service: RunningService) -> None:
    await service.publish_models("model_broken", template_hash="0" * 64)
    url = "/models/custom/model_broken/export"
    await service.http.get(url)
    failed = await service.next_event(ExportFailed)
    assert failed["cause"] == "template_mismatch"
    problem = await service.http.get(url)
    assert (problem.status_code, problem.json()["cause"]) == (409, "template_mismatch")
    again = await service.http.post(f"{url}s", json={"format": "torch"}, headers={"Idempotency-Key": "again"})
    assert (again.json()["state"], again.json()["attempts"]) == ("queued", 0)
    assert again.json()["id"] == problem.json()["export_id"]
    await service.next_event(ExportFailed)
    repeated = await service.http.post(f"{url}s", json={"format": "torch"}, headers={"Idempotency-Key": "again"})
    assert repeated.json()["state"] == "failed"
    assert await users_of(service.resources.blobs, "default", "model_broken") == []


async def test_model_is_in_use_until_its_export_ends_even_where_the_worker_died(service: RunningService) -> None:
    blobs = service.resources.blobs
    first = (await service.http.get("/models/custom/model_in_use/export")).status_code
    await service.publish_models("model_in_use")
    started = await service.http.post("/models/custom/model_in_use/exports", json={"format": "adapter"})
    assert (first, await users_of(blobs, "default", "model_in_use")) == (404, [started.json()["id"]])
    await service.next_event(ExportCompleted)
    assert await users_of(blobs, "default", "model_in_use") == []
    await add_use(blobs, "default", "model_in_use", started.json()["id"])  # as a killed worker leaves it
    await open_uses(blobs, await open_exports(service.resources)).drop_unowned()
    assert await users_of(blobs, "default", "model_in_use") == []


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/models/custom/model_none/export", 404, "model_not_found"),
        ("GET", "/models/custom/model_tuned/export?format=ggml", 422, "invalid_input"),
        ("GET", f"{TUNED}/export?format=torch&quantization=f16", 422, "quantization_not_supported"),
        ("GET", f"{TUNED}/export?format=gguf_adapter&quantization=q8_0", 422, "quantization_not_supported"),
        pytest.param(
            *("GET", f"{TUNED}/export?format=gguf&quantization=q4_k_m", 503, "llama_quantize_missing"),
            marks=pytest.mark.skipif(bool(os.environ.get("ANNEAL_LLAMA_CPP_PYTHON")), reason="llama.cpp is installed"),
        ),
        ("POST", "/models/custom/model_tuned/exports", 422, "invalid_input"),
        ("GET", "/exports/export_none", 404, "not_found"),
        ("GET", "/exports/export_none/files/model.onnx", 404, "not_found"),
    ],
)
async def test_bad_requests_return_problem_details(
    service: RunningService, method: str, url: str, status: int, code: str
) -> None:
    response = await service.http.request(method, url)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["remedy"]


async def test_subscriptions_match_the_registry() -> None:
    registered = {event for event, services in CONSUMERS.items() if "export" in services}
    assert set(subscriptions(None)) == registered  # type: ignore[arg-type]
