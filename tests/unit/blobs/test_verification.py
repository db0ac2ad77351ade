"""What loads is only what was published: a changed, missing or added file of a model or dataset is named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.blobs.artifacts import artifact_uri, dataset_folder, publish, read_manifest, resolve_model
from shared.blobs.local import LocalBlobs
from shared.blobs.manifests import DatasetManifest
from shared.blobs.verification import CorruptArtifact, describe_files, file_sha256, verify_files
from tests.support.damage import flip_bit

MODEL = {"model_id": "m", "name": "m", "kind": "full"}
KEY = "default/models/base/m"
URI = artifact_uri("default", "models", "base", "m")


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    blobs = LocalBlobs(tmp_path / "blobs")
    yield blobs
    await blobs.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(1000))
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(params=["stored", "in place"])
async def model(request: pytest.FixtureRequest, blobs: LocalBlobs, source: Path) -> Path:
    """A published model; the folder that engines read."""
    if request.param == "stored":
        await publish(blobs, KEY, source, MODEL)
        return await blobs.local_folder(KEY)
    files = describe_files({path.name: path for path in source.iterdir()})
    await publish(blobs, KEY, None, {**MODEL, "location": str(source)}, in_place=files)
    return source


async def test_a_model_as_published_resolves(blobs: LocalBlobs, model: Path) -> None:
    for _ in range(2):
        assert (await resolve_model(blobs, URI, "default"))["path"] == str(model)


async def test_a_flipped_bit_is_named(blobs: LocalBlobs, model: Path) -> None:
    await resolve_model(blobs, URI, "default")
    expected = file_sha256(model / "model.safetensors")
    flip_bit(model / "model.safetensors")
    with pytest.raises(CorruptArtifact) as caught:
        await resolve_model(blobs, URI, "default")
    assert caught.value.extra["file"] == "model.safetensors"
    assert caught.value.extra["expected"] == expected[:12] != caught.value.extra["found"]
    assert caught.value.remedy


async def test_a_missing_file_is_named(blobs: LocalBlobs, model: Path) -> None:
    (model / "config.json").unlink()
    with pytest.raises(CorruptArtifact, match=r"config\.json"):
        await resolve_model(blobs, URI, "default")


@pytest.mark.parametrize("name", ["chat_template.jinja", "model-00001-of-00002.safetensors"])
async def test_an_added_file_that_a_loader_would_read_is_named(blobs: LocalBlobs, model: Path, name: str) -> None:
    (model / name).write_text("{}")
    with pytest.raises(CorruptArtifact, match=name):
        await resolve_model(blobs, URI, "default")


async def test_an_added_file_that_no_loader_reads_changes_nothing(blobs: LocalBlobs, model: Path) -> None:
    (model / "LICENSE").write_text("free")
    assert await resolve_model(blobs, URI, "default")


async def test_shards_of_a_dataset_are_verified(blobs: LocalBlobs, tmp_path: Path) -> None:
    key, folder = "default/datasets/d/v", tmp_path / "rows"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.parquet").write_bytes(split.encode() * 100)
    names = {split: [f"{split}.parquet"] for split in ("train", "test")}
    fields = {"dataset_id": "d", "version": "v", "name": "d", "form": "text", "layout": "text", "rows": {"train": 1}}
    await publish(blobs, key, folder, {**fields, "shards": names})
    manifest = DatasetManifest.model_validate(await read_manifest(blobs, key))
    flip_bit(await blobs.local_folder(key) / "test.parquet")
    assert await dataset_folder(blobs, key, manifest, names["train"])
    with pytest.raises(CorruptArtifact, match=r"test\.parquet"):
        await dataset_folder(blobs, key, manifest, names["test"])


def test_a_file_is_hashed_once_while_it_does_not_change(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = describe_files({path.name: path for path in source.iterdir()})
    opened: list[Path] = []
    read = Path.open

    def recorded(path: Path, *arguments: str) -> object:
        opened.append(path)
        return read(path, *arguments)

    monkeypatch.setattr(Path, "open", recorded)
    verify_files(source, files, "")
    assert not opened
    (source / "config.json").touch()
    verify_files(source, files, "")
    assert opened == [source / "config.json"]
