"""A server that does not answer is a 503 that names it, whatever its driver raises."""

import errno
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from deploy.servers import free_port
from services.training.base_models import bundled
from services.training.errors import EngineFailed
from shared.blobs import s3
from shared.documents import mongo
from shared.runtime.errors import Unavailable, install_problem_handlers
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings


async def test_unavailable_documents_raise_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo, "TIMEOUTS", {"serverSelectionTimeoutMS": 50})
    documents = mongo.connect(f"mongodb://127.0.0.1:{free_port()}")
    jobs = await documents.collection("training.jobs")
    for question in (
        jobs.get("job_1"),
        jobs.find({}),
        jobs.count({}),
        jobs.insert({"_id": "job_1", "version": 1}),
        jobs.replace({"_id": "job_1", "version": 2}, version=1),
        jobs.patch("job_1", {}, inc={"beat": 1}),
        jobs.delete("job_1"),
    ):
        with pytest.raises(Unavailable, match="document server"):
            await question
    await documents.close()


async def test_unavailable_blobs_raise_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "RETRIES", s3.urllib3.Retry(total=0))
    blobs = s3.S3Blobs(*s3.client(f"s3+http://key:secret@127.0.0.1:{free_port()}/bucket"), tmp_path)
    for question in (
        blobs.stat("a/b"),
        blobs.put("a/b", b"x"),
        blobs.list("a"),
        blobs.delete("a"),
        blobs.local_folder("a"),
    ):
        with pytest.raises(Unavailable, match="object store"):
            await question
    await blobs.close()


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EIO, 500)])
async def test_full_disk_has_its_own_error_code(number: int, status: int) -> None:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/")
    async def write() -> None:
        raise OSError(number, "trouble")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        answer = await http.get("/")
    assert answer.status_code == status
    assert answer.json()["code"] == ("disk_full" if status == 507 else "internal_error")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unavailable("The object store does not answer."), 3),
        (OSError(errno.EMFILE, "Too many open files"), 3),
        (OSError(errno.EIO, "trouble"), 3),
        (EngineFailed("The model's check ended without a result."), 3),
        (PermissionError(errno.EACCES, "denied"), 1),
    ],
)
async def test_bundled_model_is_published_once_a_passing_error_is_over(
    error: Exception, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "RETRY_INTERVAL_S", 0.01)
    async with open_resources(Settings(home=tmp_path)) as resources:
        seedling, tries = bundled.BundledModel(resources, tmp_path), 0

        async def publish() -> None:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise error

        monkeypatch.setattr(seedling, "_publish", publish)
        await seedling.run()
    assert tries == expected
