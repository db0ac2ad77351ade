"""Base models are uploaded, registered in place and downloaded from a local hub, or refused."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import struct
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.training.base_models import fetching
from services.training.base_models.bundled import BundledModel
from services.training.base_models.catalog import Catalog
from services.training.base_models.hub import Hub
from services.training.base_models.inspection import Facts
from services.training.base_models.service import name_of_folder, publish_base_model
from services.training.models import Base
from services.training.store import Stores
from shared.blobs.artifacts import read_manifest, resolve_model
from shared.events.training import BaseModelFailed, BaseModelReady
from shared.runtime.http.principal import Principal
from shared.runtime.http.server import operations
from shared.runtime.processes.children import Engines
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from tests.support.data_cases import data_case
from tests.support.model_hub import COMMIT, LocalHub, run_local_hub
from tests.support.object_store import ListingServer, run_listing_server
from tests.support.secret_scan import files_with
from tests.support.signing import SignedAs
from tests.support.tiny_model import make_tiny_model
from tests.support.training_service import FINAL, TIMEOUT_S, TrainingHarness, open_training, problem
from tests.support.zoo import save

S3 = os.environ.get("ANNEAL_TEST_S3_URL", "")
CUT = 11 * 2**20
"""Bytes: more than the hub's client reads at a time, so that some are on disk when the connection breaks."""


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    with run_local_hub() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path, hub: LocalHub
) -> AsyncIterator[TrainingHarness]:
    async with open_training(
        tmp_path_factory.mktemp("home"), engines, tiny_model, hub_endpoint=hub.url, import_hosts=["127.0.0.1"]
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def store() -> Iterator[ListingServer]:
    with run_listing_server() as running:
        yield running


def zipped(folder: Path, *, under: str = "", **more: bytes) -> bytes:
    """A zip of the folder's files, below `under`, with further ones."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, under + path.name)
        for name, data in more.items():
            archive.writestr(under + name.replace("__", "."), data)
    return buffer.getvalue()


async def upload(service: TrainingHarness, data: bytes, **headers: str) -> Any:
    form = {"files": {"file": ("mine.zip", data)}, "data": {"name": "Mine"}}
    return await service.http.post("/models/base", **form, headers=headers)


async def download(service: TrainingHarness, **body: Any) -> dict[str, Any]:
    """Request a download and wait for its end."""
    answer = await service.http.post("/models/base", json=body)
    assert answer.status_code == 202, answer.text
    base = answer.json()
    async with asyncio.timeout(TIMEOUT_S):
        while base["state"] not in FINAL:
            await asyncio.sleep(0.02)
            base = (await service.http.get(f"/models/base/{base['id']}")).json()
    return dict(base)


async def test_uploaded_model_is_checked_and_can_be_trained(service: TrainingHarness, tiny_model: Path) -> None:
    answer = await upload(service, zipped(tiny_model, under="my-model/"))
    assert answer.status_code == 201, answer.text
    base = answer.json()
    assert (base["name"], base["state"], base["architecture"]) == ("Mine", "succeeded", "LlamaForCausalLM")
    assert (base["parameters"], base["context_length"]) == (94528, 512)
    assert len(base["template_hash"]) == 64
    assert {"system", "consecutive_roles"} <= {*base["template_features"]}
    listed = (await service.http.get("/models/available")).json()["items"]
    assert [model["template_features"] for model in listed if model["id"] == base["id"]] == [base["template_features"]]

    job = await service.wait_for_state((await service.submit(base=base["id"]))["id"], *FINAL)
    assert job["state"] == "succeeded", job["logs"]
    problem(await service.http.delete(f"/models/base/{base['id']}"), 409, "in_use")
    listed = (await service.http.get("/models/base")).json()["items"]
    assert base["id"] in [item["id"] for item in listed]


async def test_repeated_upload_creates_one_model(service: TrainingHarness, tiny_model: Path) -> None:
    key = {"Idempotency-Key": "upload-once"}
    first, second = [await upload(service, zipped(tiny_model), **key) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = problem(await upload(service, zipped(tiny_model, under="other/"), **key), 409, "conflict")
    assert other["field"] == "Idempotency-Key"


async def test_concurrent_repeated_uploads_create_one_model(service: TrainingHarness, tiny_model: Path) -> None:
    key, data = {"Idempotency-Key": "upload-twice-at-once"}, zipped(tiny_model)
    answers = await asyncio.gather(*(upload(service, data, **key) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_second_model_with_the_same_key_does_not_damage_the_first(
    service: TrainingHarness, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second arrives while the files of the first are being stored."""
    blobs, second = service.resources.blobs, asyncio.Event()
    put, key = blobs.put, {"Idempotency-Key": "one-key-two-models"}
    other_model = make_tiny_model(tmp_path / "other", seed=1)
    other: list[Any] = []

    async def put_slowly(blob: str, data: Any) -> Any:
        if "/models/base/" in blob and not second.is_set():
            second.set()
            other.append(await upload(service, zipped(other_model), **key))
        return await put(blob, data)

    monkeypatch.setattr(blobs, "put", put_slowly)
    first = await upload(service, zipped(tiny_model), **key)
    assert first.status_code == 201, first.text
    assert problem(other[0], 409, "conflict")["field"] == "Idempotency-Key"
    manifest = await read_manifest(blobs, f"default/models/base/{first.json()['id']}")
    sums = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    for name in ("model.safetensors", "config.json"):
        stored = b"".join([chunk async for chunk in blobs.read(f"default/models/base/{first.json()['id']}/{name}")])
        assert (
            hashlib.sha256(stored).hexdigest()
            == sums[name]
            == hashlib.sha256((tiny_model / name).read_bytes()).hexdigest()
        )


async def test_upload_without_a_declared_length_is_cut_off_at_the_limit(
    tmp_path: Path, engines: Engines, tiny_model: Path
) -> None:
    taken = 0

    async def long() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        while taken < 400 * 2**20:
            taken += 2**20
            yield bytes(2**20)

    async with open_training(tmp_path, engines, tiny_model, upload_limit=10_000) as small:
        headers = {"Content-Type": "multipart/form-data; boundary=xx"}
        refused = problem(await small.http.post("/models/base", content=long(), headers=headers), 413, "too_large")
    assert refused["limit"] == 10_000
    assert taken < 100 * 2**20


async def test_upload_over_the_limit_is_refused(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    async with open_training(tmp_path, engines, tiny_model, upload_limit=10_000) as small:
        refused = problem(await upload(small, zipped(tiny_model)), 413, "too_large")
        assert refused["limit"] == 10_000


@pytest.mark.parametrize(
    ("more", "without", "code"),
    [
        ({"pytorch_model__bin": b"pickle"}, "model.safetensors", "unsafe_model"),
        (
            {"config__json": json.dumps({"model_type": "evil", "auto_map": {"AutoConfig": "x.Y"}}).encode()},
            "config.json",
            "unsafe_model",
        ),
        ({"config__json": json.dumps({"model_type": "nothing-known"}).encode()}, "config.json", "unsafe_model"),
        ({"config__json": b"{"}, "config.json", "unsafe_model"),
        ({}, "model.safetensors", "unsafe_model"),
        ({"model__safetensors": b"\x08\0\0\0\0\0\0\0not json"}, "model.safetensors", "unsafe_model"),
        ({}, "config.json", "invalid_archive"),
    ],
)
async def test_unsafe_or_broken_model_is_refused_and_leaves_no_files(
    service: TrainingHarness, tiny_model: Path, tmp_path: Path, more: dict[str, bytes], without: str, code: str
) -> None:
    before = await service.resources.blobs.list("default/models/base")
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (folder / without).unlink() if without else None
    answer = await upload(service, zipped(folder, **more))
    assert problem(answer, 422, code)["field"] == "file"
    assert await service.resources.blobs.list("default/models/base") == before
    assert not list((service.resources.scratch / "training").glob("upload-*"))


async def test_what_is_not_used_and_limits_are_warnings(service: TrainingHarness, tmp_path: Path) -> None:
    folder = save("LFM 2", tmp_path / "lfm2")
    config = json.loads((folder / "config.json").read_text()) | {"auto_map": {"AutoModelForCausalLM": "x.Y"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    codes = ["auto_map_ignored", "padded_only", "pickle_files_ignored", "slow_decoding"]
    in_place = await service.http.post("/models/base", json={"path": str(folder)})
    for answer in (in_place, await upload(service, zipped(folder))):
        assert answer.status_code == 201
        assert sorted(warning["code"] for warning in answer.json()["warnings"]) == codes


async def test_another_architecture_name_is_refused(service: TrainingHarness, tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["MistralForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    refused = problem(await service.http.post("/models/base", json={"path": str(folder)}), 422, "unsafe_model")
    assert "names the architecture MistralForCausalLM" in refused["detail"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"no zip at all"])
async def test_file_that_is_not_a_zip_is_refused(service: TrainingHarness, data: bytes) -> None:
    problem(await upload(service, data), 422, "invalid_archive")


async def test_truncated_zip_is_refused(service: TrainingHarness, tiny_model: Path) -> None:
    problem(await upload(service, zipped(tiny_model)[:-200]), 422, "invalid_archive")


async def test_folder_is_registered_in_place(service: TrainingHarness, tiny_model: Path) -> None:
    base = (await service.http.post("/models/base", json={"path": str(tiny_model)})).json()
    assert (base["state"], base["source"], base["size"]) == ("succeeded", "path", 0)
    uri = f"anneal://default/models/base/{base['id']}"
    manifest = await read_manifest(service.resources.blobs, f"default/models/base/{base['id']}")
    assert {entry["name"] for entry in manifest["files"]} == {path.name for path in tiny_model.iterdir()}
    assert (await resolve_model(service.resources.blobs, uri, "default"))["path"] == str(tiny_model)
    assert (await service.http.delete(f"/models/base/{base['id']}")).status_code == 204
    assert (tiny_model / "config.json").exists()


async def test_invalid_paths_are_not_registered(service: TrainingHarness, tmp_path: Path) -> None:
    for path in ("relative", "/nowhere/at/all", str(service.resources.blobs and service.resources.settings.directory)):
        assert (
            problem(await service.http.post("/models/base", json={"path": path}), 422, "invalid_input")["field"]
            == "path"
        )
    problem(await service.http.post("/models/base", json={"path": str(tmp_path)}), 422, "unsafe_model")


@pytest.mark.parametrize(
    ("scope", "body"),
    [("admin", {"path": "/etc"}), ("write", {"uri": "s3+http://k:s@169.254.169.254/latest/meta-data"})],
)
async def test_sources_outside_the_project_need_the_operator_or_an_admin(
    service: TrainingHarness, scope: str, body: dict[str, str]
) -> None:
    caller = SignedAs(service.resources, Principal("key_1", scopes=(scope,)))
    refused = problem(await service.http.post("/models/base", json=body, auth=caller), 403, "forbidden")
    assert refused["field"] in body


async def test_only_the_operator_sees_the_folder_of_a_model(service: TrainingHarness, tiny_model: Path) -> None:
    operator = SignedAs(service.resources, Principal("operator", scopes=("*",)))
    admin = SignedAs(service.resources, Principal("key_1", scopes=("admin",)))
    for _ in range(2):
        base = (await service.http.post("/models/base", json={"path": str(tiny_model)}, auth=operator)).json()
    assert base["origin"] == str(tiny_model)
    shown = [await service.http.get(f"/models/base{id}", auth=admin) for id in ("", f"/{base['id']}")]
    job = {"dataset": "ds_1", "base": base["name"]}
    ambiguous = await service.http.post("/training/jobs", json=job, auth=admin)
    assert ambiguous.json()["code"] == "ambiguous_base"
    assert [str(tiny_model.parent) in answer.text for answer in (*shown, ambiguous)] == [False] * 3
    assert shown[1].json()["origin"] == tiny_model.name


async def test_response_of_a_server_that_is_not_an_object_store_is_not_shown(
    service: TrainingHarness, store: ListingServer
) -> None:
    for store.listing_body in (b"the intranet's own page", b"<Intranet>own</Intranet>"):
        base = await download(service, uri=f"{store.url}/bucket/model")
        assert (base["state"], base["cause"]) == ("failed", "object_store_failed")
        assert "own" not in base["detail"]


async def test_model_larger_than_the_disk_is_refused_before_reading_it(
    service: TrainingHarness, store: ListingServer
) -> None:
    store.listing_body = store.make_listing("model/model.safetensors", size=10**15)
    base = await download(service, uri=f"{store.url}/bucket/model")
    assert (base["state"], base["cause"]) == ("failed", "disk_full")
    assert store.requested_objects == []


@pytest.mark.parametrize(
    "body",
    [{}, {"uri": "s3+http://["}, {"path": "/a", "hub_id": "a/b"}, {"hub_id": "a b"}, {"uri": "ftp://x/y"}, {"x": 1}],
)
async def test_request_without_exactly_one_source_is_refused(service: TrainingHarness, body: dict[str, Any]) -> None:
    problem(await service.http.post("/models/base", json=body), 422, "invalid_input")


async def test_hub_model_is_downloaded_only_on_request(
    service: TrainingHarness, hub: LocalHub, tiny_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "repo"))
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    (folder / "manifest.json").write_text("{}")
    hub.repositories["acme/small"] = folder
    problem(
        await service.http.post("/training/jobs", json={"dataset": "ds_1", "base": "acme/small"}), 404, "unknown_base"
    )

    base = await download(service, hub_id="acme/small")
    assert base["state"] == "succeeded", base["detail"]
    assert (base["revision"], base["parameters"]) == (COMMIT, 94528)
    manifest = await read_manifest(service.resources.blobs, f"default/models/base/{base['id']}")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {entry["name"] for entry in manifest["files"]}
    assert "pytorch_model.bin" not in {entry["name"] for entry in manifest["files"]}
    assert not list((service.resources.scratch / "training" / "downloads").iterdir())
    repeated = await service.http.post("/models/base", json={"hub_id": "acme/small"})
    assert (repeated.status_code, repeated.json()["id"]) == (201, base["id"])
    job = await service.submit(base="acme/small")
    assert job["base_uri"].endswith(base["id"])
    await service.wait_for_state(job["id"], *FINAL)


@data_case("API", "A hub id of which two revisions are here", "404 that lists the ids to choose from")
async def test_hub_id_of_two_revisions_is_refused(service: TrainingHarness) -> None:
    stores = await Stores.open(service.resources)
    for id, revision in (("base_1", "a" * 40), ("base_2", "b" * 40)):
        base = Base(id=id, project="default", name="two", source="hub", hub_id="acme/two", revision=revision)
        base.state = "succeeded"
        await stores.base_models.create(base)
    refused = await service.http.post("/training/jobs", json={"dataset": "ds_1", "base": "acme/two"})
    found = problem(refused, 404, "ambiguous_base")
    assert (found["field"], sorted(found["limit"])) == ("base", ["base_1", "base_2"])
    items = (await service.http.get("/models/available")).json()["items"]
    assert [item["reference"] for item in items if item["name"] == "two"] == ["base_2", "base_1"]


@data_case("API", "A base model's name in a job", "means the one model that has it; several: 404 that lists their ids")
async def test_job_names_its_base_model(service: TrainingHarness, tiny_model: Path) -> None:
    async def register(name: str) -> Any:
        return await service.http.post("/models/base", json={"path": str(tiny_model), "name": name})

    async def listed() -> dict[str, str]:
        items = (await service.http.get("/models/available")).json()["items"]
        return {item["id"]: item["reference"] for item in items if item["name"] == "acme tiny"}

    first = (await register("acme tiny")).json()["id"]
    assert await listed() == {first: "acme tiny"}
    for reference in ("acme tiny", first):
        job = await service.submit(base=reference, max_steps=1)
        assert (job["base"], job["base_name"], job["base_uri"].rpartition("/")[2]) == (first, "acme tiny", first)
        model = (await service.wait_for_state(job["id"], "succeeded"))["model_id"]
    shown = (await service.http.get(f"/models/custom/{model}")).json()
    assert (shown["base"], shown["base_name"]) == (first, "acme tiny")
    manifest = await read_manifest(service.resources.blobs, f"default/models/custom/{model}")
    assert manifest["base_name"] == "acme tiny"

    second = (await register("acme tiny")).json()["id"]
    assert await listed() == {second: second, first: first}
    refused = await service.http.post("/training/jobs", json={"dataset": "ds_1", "base": "acme tiny"})
    found = problem(refused, 404, "ambiguous_base")
    assert (sorted(found["limit"]), f"from {tiny_model.name})" in found["detail"]) == (sorted((first, second)), True)
    for taken in ("seedling", first):
        assert problem(await register(taken), 422, "invalid_input")["field"] == "name"


def test_folder_of_a_hub_cache_has_the_name_of_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "models--acme--small-1.5B" / "snapshots" / COMMIT
    assert name_of_folder(folder) == "acme/small-1.5B"
    assert name_of_folder(tmp_path / "small-1.5B") == "small-1.5B"


async def test_interrupted_download_resumes(
    service: TrainingHarness, hub: LocalHub, tiny_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "repo"))
    header = json.dumps({"more": {"dtype": "I8", "shape": [CUT], "data_offsets": [0, CUT]}}).encode()
    (folder / "more.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(CUT))
    hub.repositories["acme/cut"], hub.truncate_once["more.safetensors"] = folder, CUT - 1000
    base = await download(service, hub_id="acme/cut")
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert (base["state"], base["size"]) == ("succeeded", size), base["detail"]
    assert [name for name, requested in hub.range_requests if not requested.startswith("bytes=0-")] == [
        "more.safetensors"
    ]


async def test_deleted_download_stops_and_leaves_no_files(
    service: TrainingHarness, hub: LocalHub, tiny_model: Path
) -> None:
    hub.repositories["acme/slow"], hub.blocked["model.safetensors"] = tiny_model, threading.Event()
    base = (await service.http.post("/models/base", json={"hub_id": "acme/slow", "token": "hf_mine"})).json()
    downloads = service.resources.scratch / "training" / "downloads"
    async with asyncio.timeout(TIMEOUT_S):
        while not list(downloads.glob("*/tokenizer.json")):
            await asyncio.sleep(0.02)
        assert files_with("hf_mine", service.resources.settings.directory) == []
        assert (await service.http.delete(f"/models/base/{base['id']}")).status_code == 204
        hub.blocked.pop("model.safetensors").set()
        while list(downloads.iterdir()):
            await asyncio.sleep(0.02)
    assert (await service.http.get(f"/models/base/{base['id']}")).status_code == 404
    assert await service.resources.blobs.list(f"default/models/base/{base['id']}") == []
    document = await (await service.resources.documents.collection("training.bases")).get(base["id"])
    assert document is not None
    assert document["secret"] is None


async def test_base_model_deleted_while_it_is_published_leaves_no_files(
    service: TrainingHarness, hub: LocalHub, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["acme/brief"] = tiny_model
    stores, published = await Stores.open(service.resources), asyncio.Event()

    async def publish_after_deletion(resources: Resources, base: Base, facts: Facts, folder: Path | None) -> int:
        await stores.base_models.delete(base.id)
        size = await publish_base_model(resources, base, facts, folder)
        published.set()
        return size

    monkeypatch.setattr(fetching, "publish_base_model", publish_after_deletion)
    base = (await service.http.post("/models/base", json={"hub_id": "acme/brief"})).json()
    async with asyncio.timeout(TIMEOUT_S):
        await published.wait()
        while await service.resources.blobs.list(f"default/models/base/{base['id']}"):
            await asyncio.sleep(0.02)


async def test_gated_model_fails_with_a_remedy_and_its_token_is_deleted(
    service: TrainingHarness, hub: LocalHub, tiny_model: Path
) -> None:
    hub.repositories["acme/gated"] = tiny_model
    hub.gated.add("acme/gated")
    for token in ({}, {"token": "hf_wrong"}):
        refused = await download(service, hub_id="acme/gated", **token)
        assert (refused["state"], refused["cause"]) == ("failed", "gated_model")
        assert f"{hub.url}/acme/gated" in refused["detail"]
        outcome = {"base_id": refused["id"], "cause": "gated_model", "secret": "hub token" if token else None}
        await service.wait_for_event(BaseModelFailed.type, **outcome)
    base = await download(service, hub_id="acme/gated", token=hub.token)
    assert base["state"] == "succeeded", base["detail"]
    await service.wait_for_event(BaseModelReady.type, base_id=base["id"], secret="hub token")
    assert hub.token not in json.dumps((await service.http.get("/models/base")).json())
    stores = await Stores.open(service.resources)
    assert {found.secret for found in await stores.base_models.find({"hub_id": "acme/gated"})} == {None}
    for token in ("hf_wrong", hub.token):
        assert files_with(token, service.resources.settings.directory) == []


async def test_unknown_hub_model_fails_with_a_remedy(service: TrainingHarness) -> None:
    base = await download(service, hub_id="acme/absent")
    assert (base["state"], base["cause"]) == ("failed", "unknown_model")
    assert "spelling" in base["detail"]


async def test_missing_own_object_store_fails_with_a_remedy(service: TrainingHarness) -> None:
    base = await download(service, uri="s3://bucket/model")
    assert (base["state"], base["cause"]) == ("failed", "invalid_input")
    assert "s3+https://" in base["detail"]


@pytest.mark.skipif(not S3, reason="ANNEAL_TEST_S3_URL is not set: python -m tests.support.servers pytest …")
async def test_model_is_downloaded_from_an_object_store(
    service: TrainingHarness, tiny_model: Path, tmp_path: Path
) -> None:
    from shared.blobs.s3 import connect

    theirs = await connect(S3, tmp_path)
    for path in tiny_model.iterdir():
        await theirs.put(f"somebodys/model/{path.name}", path)
    await theirs.close()
    base = await download(service, uri=f"{S3}/somebodys/model")
    assert (base["state"], base["parameters"]) == ("succeeded", 94528), base["detail"]
    assert base["bytes_done"] == base["bytes_total"] > 0
    secret = S3.partition("://")[2].partition("@")[0]
    assert base["origin"].endswith("/somebodys/model")
    assert secret not in json.dumps(base)

    empty = await download(service, uri=f"{S3}/nothing/here")
    assert (empty["state"], empty["cause"]) == ("failed", "invalid_input")


async def test_seedling_is_usable_once_published(service: TrainingHarness, tmp_path: Path, tiny_model: Path) -> None:
    stores, bundled = await Stores.open(service.resources), BundledModel(service.resources, tiny_model)
    hub = Hub(service.resources.settings.hub_endpoint)
    published = (await Catalog(stores, bundled, hub).available("default")).items[0]
    assert (published.availability, published.usable) == ("bundled", True)
    async with open_resources(Settings(home=tmp_path)) as fresh:
        early = (
            await Catalog(await Stores.open(fresh), BundledModel(fresh, tiny_model), hub).available("default")
        ).items[0]
    assert (early.reference, early.availability, early.usable) == ("seedling", "preparing", False)


async def test_a_bundled_model_that_cannot_be_published_is_named_by_readyz(tmp_path: Path) -> None:
    async with open_resources(Settings(home=tmp_path / "home")) as resources:
        await BundledModel(resources, tmp_path / "absent").run()
        app = FastAPI()
        app.include_router(operations(resources))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
            ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (200, ["base model seedling"])


async def test_available_models_show_their_availability(service: TrainingHarness) -> None:
    items = {item["reference"]: item for item in (await service.http.get("/models/available")).json()["items"]}
    assert (items["seedling"]["availability"], items["seedling"]["usable"]) == ("bundled", True)
    assert (items["Qwen/Qwen3-0.6B"]["availability"], items["Qwen/Qwen3-0.6B"]["usable"]) == ("downloadable", False)
    assert items["meta-llama/Llama-3.2-1B-Instruct"]["gated"]


async def test_hub_is_unreachable_without_a_network(tmp_path: Path, engines: Engines, tiny_model: Path) -> None:
    async with open_training(tmp_path, engines, tiny_model, hub_endpoint="http://127.0.0.1:9") as service:
        items = {item["reference"]: item for item in (await service.http.get("/models/available")).json()["items"]}
        assert items["Qwen/Qwen3-0.6B"]["availability"] == "unreachable"
        base = await download(service, hub_id="Qwen/Qwen3-0.6B")
        assert (base["state"], base["cause"]) == ("failed", "hub_unreachable")


async def test_other_revision_with_the_same_key_is_a_conflict(service: TrainingHarness) -> None:
    body, key = {"hub_id": "acme/absent"}, {"Idempotency-Key": "hub-once"}
    assert (await service.http.post("/models/base", json={**body, "revision": "a"}, headers=key)).status_code == 202
    problem(await service.http.post("/models/base", json={**body, "revision": "b"}, headers=key), 409, "conflict")
