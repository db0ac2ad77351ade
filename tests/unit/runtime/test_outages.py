"""A server that does not answer is a 503 that names it, whatever its driver raises."""

from pathlib import Path

import pytest

from deploy.servers import free_port
from shared.blobs import s3
from shared.documents import mongo
from shared.runtime.errors import Unavailable


async def test_documents_that_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo, "PATIENCE", {"serverSelectionTimeoutMS": 50})
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


async def test_blobs_that_are_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "RETRIES", s3.urllib3.Retry(total=0))
    blobs = s3.S3Blobs(*s3.client(f"s3+http://key:secret@127.0.0.1:{free_port()}/bucket"), tmp_path)
    for question in (
        blobs.stat("a/b"),
        blobs.put("a/b", b"x"),
        blobs.list("a"),
        blobs.delete("a"),
        blobs.checkout("a"),
    ):
        with pytest.raises(Unavailable, match="object store"):
            await question
    await blobs.close()
