"""Files before their upload, over HTTP: what would be read is shown, and nothing is kept."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.dataset.app import build
from services.dataset.previews.service import PREVIEW_LIMIT
from services.dataset.upload_store import UPLOAD_PREFIX
from tests.support.running_service import RunningService, open_service

PATH = "/datasets/upload/preview"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("previews")) as running:
        yield running


async def test_a_preview_shows_what_the_upload_then_reads(service: RunningService) -> None:
    content = "Frage;Antwort\n" + "".join(f"Süß {n}?;Ja, {n}.\n" for n in range(30))
    files = {"file": ("faq.csv", content.encode("latin-1"))}
    fields = {"mapping": '{"prompt": "Frage", "completion": "Antwort"}'}
    seen = (await service.http.post(PATH, files=files, data=fields)).json()
    assert (seen["encoding"], seen["delimiter"], seen["layout"]) == ("windows-1252", ";", "prompt/completion")
    assert seen["rows"][0]["raw"] == {"Frage": "Süß 0?", "Antwort": "Ja, 0."}
    assert seen["rows"][0]["row"]["messages"][0] == {"role": "user", "content": "Süß 0?"}
    uploaded = await service.http.post("/datasets/upload", files=files, data=fields | {"encoding": seen["encoding"]})
    assert (uploaded.status_code, uploaded.json()["report"]["rows"]) == (201, seen["report"]["rows"]), uploaded.text
    assert uploaded.json()["versions"][0]["options"]["encoding"] == "windows-1252"


async def test_a_preview_keeps_nothing_and_has_limits(service: RunningService) -> None:
    before = (await service.http.get("/datasets")).json()
    refused = (await service.http.post(PATH, files={"file": ("a.csv", b"x,y\n1,2\n")})).json()
    assert (refused["problem"]["code"], refused["problem"]["field"]) == ("layout_not_recognised", "mapping")
    assert refused["rows"][0]["raw"] == {"x": "1", "y": "2"}
    large = await service.http.post(PATH, files={"file": ("a.txt", b"x" * (PREVIEW_LIMIT + 1))})
    assert (large.status_code, large.json()["limit"]) == (413, PREVIEW_LIMIT)
    unknown = await service.http.post(PATH, files={"file": ("a.txt", b"x")}, data={"encoding": "klingon"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "encoding")
    assert (await service.http.get("/datasets")).json() == before
    assert await service.resources.blobs.list(UPLOAD_PREFIX) == []
