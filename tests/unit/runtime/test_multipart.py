"""multipart/form-data in pieces of any size."""

from collections.abc import AsyncIterator

import pytest

from services.dataset.upload_store import safe_file_name
from shared.runtime.http.multipart import FIELD_LIMIT, MAX_PARTS, MalformedUpload, Multipart

CONTENT_TYPE = "multipart/form-data; boundary=xx"
BODY = (
    b'--xx\r\nContent-Disposition: form-data; name="name"\r\n\r\nfa\xc3\xa7ade\r\n'
    b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"one\r\n--x\r\ntwo\r\n"
    b'--xx\r\nContent-Disposition: form-data; name="seed"\r\n\r\n7\r\n--xx--\r\n'
)


async def stream(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(content_type: str, body: bytes) -> None:
    """Take every field, skip every file."""
    async for part in Multipart(content_type, stream(body, 1_000)).parts():
        if part.filename is None:
            await part.text()


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
async def test_parts_arrive_in_order_for_every_chunk_size(size: int) -> None:
    found = []
    async for part in Multipart(CONTENT_TYPE, stream(BODY, size)).parts():
        content = await part.text() if part.filename is None else b"".join([chunk async for chunk in part.chunks])
        found.append((part.name, part.filename, content))
    assert found == [("name", None, "façade"), ("file", "a.txt", b"one\r\n--x\r\ntwo"), ("seed", None, "7")]


async def test_unread_parts_are_skipped() -> None:
    names = [part.name async for part in Multipart(CONTENT_TYPE, stream(BODY, 7)).parts()]
    assert names == ["name", "file", "seed"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", BODY),
        ("multipart/form-data", BODY),
        ("multipart/form-data; boundary=" + "x" * 300, BODY),
        (CONTENT_TYPE, BODY[:120]),
        (CONTENT_TYPE, b"no boundary here"),
        (
            CONTENT_TYPE,
            b'--xx\r\nContent-Disposition: form-data; name="n"\r\n\r\n' + b"x" * (FIELD_LIMIT + 1) + b"\r\n--xx--",
        ),
        (CONTENT_TYPE, b'--xx\r\nContent-Disposition: form-data; name="n"\r\n\r\n\xff\r\n--xx--'),
        (CONTENT_TYPE, b'--xx\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n' * (MAX_PARTS + 1) + b"--xx--"),
    ],
    ids=["type", "boundary", "long boundary", "cut", "garbage", "long", "latin-1", "many"],
)
async def test_malformed_bodies_are_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedUpload):
        await read(content_type, body)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("../../etc/a.txt", "a.txt"), ("C:\\data\\b.csv", "b.csv"), ("\x00\n.txt", ".txt"), ("", "upload")],
)
def test_file_names_are_for_reports_only(given: str, shown: str) -> None:
    assert safe_file_name(given) == shown
