"""Artifacts exist from the moment their manifest does, and a model's manifest leads to all that a loader needs."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.blobs.artifacts import (
    BrokenLineage,
    artifact_uri,
    delete_artifact,
    key_of,
    publish,
    read_manifest,
    resolve_model,
)
from shared.blobs.errors import BlobNotFound, InvalidKey
from shared.blobs.local import LocalBlobs

KEY = "default/models/custom/m1"


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(tmp_path / "blobs")
    yield blobs
    await blobs.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"w" * 100)
    (folder / "deep" / "tokenizer.json").write_bytes(b"{}")
    return folder


async def publish_model(blobs: LocalBlobs, id: str, folder: Path, **members: Any) -> str:
    """A model in project `default`; its URI."""
    uri = artifact_uri("default", "models", "custom", id)
    await publish(blobs, key_of(uri, "default"), folder, {"model_id": id, "name": id, "kind": "full", **members})
    return uri


def test_uri_maps_back_to_its_key() -> None:
    uri = artifact_uri("default", "models/custom", "m1")
    assert uri == "anneal://default/models/custom/m1"
    assert key_of(uri, "default") == KEY
    assert key_of("anneal://_shared/models/base/b", "default") == "_shared/models/base/b"


@pytest.mark.parametrize(
    "uri",
    [
        "anneal://other/models/custom/m1",
        "anneal://default",
        "anneal://default/",
        "anneal://default/../other/x",
        "anneal://default/a?b",
        "anneal:///etc/passwd",
        "file:///etc/passwd",
        "default/models/custom/m1",
        "",
    ],
)
def test_foreign_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidKey):
        key_of(uri, "default")


@pytest.mark.parametrize("parts", [("..", "other"), ("a b",), ("",), ("a", "")])
def test_uri_of_an_invalid_key_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(InvalidKey):
        artifact_uri("default", *parts)


async def test_publish_lists_every_file_with_size_and_checksum(blobs: LocalBlobs, folder: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    extra.write_bytes(b"extra")
    complete = await publish(blobs, KEY, folder, {"kind": "full"}, files={"notes/report.json": extra})
    assert complete == await read_manifest(blobs, KEY)
    assert complete == {
        "kind": "full",
        "files": [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in [
                ("deep/tokenizer.json", b"{}"),
                ("notes/report.json", b"extra"),
                ("weights.safetensors", b"w" * 100),
            ]
        ],
    }
    assert {blob.key for blob in await blobs.list(KEY)} == {
        f"{KEY}/{name}" for name in ("deep/tokenizer.json", "notes/report.json", "weights.safetensors", "manifest.json")
    }


async def test_publishing_again_gives_the_same_bytes(blobs: LocalBlobs, folder: Path) -> None:
    await publish(blobs, KEY, folder, {"b": 1, "a": {"d": 1, "c": "é"}})
    first = await blobs.list(KEY)
    await publish(blobs, KEY, folder, {"a": {"c": "é", "d": 1}, "b": 1})
    assert await blobs.list(KEY) == first


async def test_incomplete_publish_leaves_no_artifact(blobs: LocalBlobs, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await publish(blobs, KEY, folder, {}, files={"z": tmp_path / "absent"})
    assert await blobs.list(KEY)
    with pytest.raises(BlobNotFound):
        await read_manifest(blobs, KEY)


async def test_a_file_named_like_the_manifest_is_refused(blobs: LocalBlobs, folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"manifest\.json"):
        await publish(blobs, KEY, folder, {})
    assert await blobs.list("default") == []


async def test_delete_removes_the_manifest_first(
    blobs: LocalBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(blobs, KEY, folder, {})
    deleted: list[str] = []
    delete = blobs.delete

    async def watched(prefix: str) -> int:
        deleted.append(prefix)
        return await delete(prefix)

    monkeypatch.setattr(blobs, "delete", watched)
    await delete_artifact(blobs, KEY)
    await delete_artifact(blobs, KEY)
    assert deleted[:2] == [f"{KEY}/manifest.json", KEY]
    assert await blobs.list("default") == []
    with pytest.raises(BlobNotFound) as caught:
        await read_manifest(blobs, KEY)
    assert caught.value.code == "artifact_gone"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("default/models/custom/model_1", "custom model model_1"),
        ("_shared/models/base/seedling", "base model seedling"),
        ("default/datasets/ds_1/dsv_2", "dataset ds_1 (version dsv_2)"),
    ],
)
async def test_an_artifact_that_is_gone_is_named(blobs: LocalBlobs, key: str, name: str) -> None:
    with pytest.raises(BlobNotFound, match=re.escape(f"The {name} does not exist, or was deleted.")):
        await read_manifest(blobs, key)


async def test_a_full_model_needs_no_base(blobs: LocalBlobs, folder: Path) -> None:
    uri = await publish_model(blobs, "full", folder, base_uri="anneal://default/models/base/gone")
    path = await blobs.local_folder("default/models/custom/full")
    assert await resolve_model(blobs, uri, "default") == {"path": str(path), "kind": "full", "base": None}
    assert (path / "weights.safetensors").read_bytes() == b"w" * 100


async def test_adapter_resolves_to_its_base_registered_in_place(
    blobs: LocalBlobs, folder: Path, tmp_path: Path
) -> None:
    base = await publish_model(blobs, "base", folder, location=str(tmp_path / "model"))
    lower = await publish_model(blobs, "lower", folder, kind="adapter", base_uri=base)
    upper = await publish_model(blobs, "upper", folder, kind="adapter", base_uri=lower)
    reference = await resolve_model(blobs, upper, "default")
    assert [reference["kind"], reference["base"]["kind"], reference["base"]["base"]["kind"]] == [
        "adapter",
        "adapter",
        "full",
    ]
    assert reference["base"]["base"] == {"path": str(tmp_path / "model"), "kind": "full", "base": None}


async def test_a_registered_folder_that_is_gone_is_artifact_gone(
    blobs: LocalBlobs, folder: Path, tmp_path: Path
) -> None:
    uri = await publish_model(blobs, "base", folder, location=str(tmp_path / "unmounted"))
    with pytest.raises(BlobNotFound, match="unmounted"):
        await resolve_model(blobs, uri, "default")


async def test_cycle_of_adapters_is_refused(blobs: LocalBlobs, folder: Path) -> None:
    uri = artifact_uri("default", "models", "custom", "circle")
    await publish_model(blobs, "circle", folder, kind="adapter", base_uri=uri)
    with pytest.raises(BrokenLineage):
        await resolve_model(blobs, uri, "default")


async def test_an_adapter_without_a_base_is_broken(blobs: LocalBlobs, folder: Path) -> None:
    uri = await publish_model(blobs, "lost", folder, kind="adapter")
    with pytest.raises(BrokenLineage):
        await resolve_model(blobs, uri, "default")


async def test_a_base_in_another_project_is_refused(blobs: LocalBlobs, folder: Path) -> None:
    uri = await publish_model(blobs, "m", folder, kind="adapter", base_uri="anneal://other/models/custom/x")
    with pytest.raises(InvalidKey):
        await resolve_model(blobs, uri, "default")
