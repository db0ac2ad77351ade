"""What is true of the S3 adapter beyond the port: links that clients follow without us."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.export.downloads import Download
from tests.contracts import adapters

pytestmark = pytest.mark.skipif(not adapters.S3, reason="needs an S3 server: make test-servers")


async def test_signed_link_downloads_the_file_for_five_minutes(tmp_path: Path) -> None:
    from shared.blobs import s3

    bucket = f"{adapters.S3.rpartition('/')[0]}/links"
    public = f"http://localhost:{urlsplit(adapters.S3).port}"
    blobs = await s3.connect(bucket, tmp_path / "public", public)
    stored = await blobs.put("p/exports/e/model.zip", b"weights")

    download = Download(blobs, stored.key, 0, stored.size, stored.sha256, "model.zip")
    answer = await download.respond({})
    link = answer.headers["location"]
    assert (answer.status_code, urlsplit(link).netloc) == (307, urlsplit(public).netloc)
    signed = parse_qs(urlsplit(link).query)
    assert signed["X-Amz-Expires"] == ["300"]
    assert signed["response-content-disposition"] == ['attachment; filename="model.zip"']
    async with httpx.AsyncClient() as client:
        fetched = await client.get(link)
    assert fetched.content == b"weights"

    part = await download.respond({"range": "bytes=1-3"})
    member = await Download(blobs, stored.key, 2, 3, stored.sha256, "part").respond({})
    assert (part.status_code, member.status_code) == (206, 200), "what is not the whole blob comes through us"
    await blobs.close()

    private = await s3.connect(bucket, tmp_path / "private")
    assert await private.link(stored.key, "model.zip") is None
    await private.close()
