"""The browser app under /ui/: caching, compression, deep links, and a page that runs its own script only."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.gateway.ui import serve

SCRIPT = "console.log('anneal');" * 100


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "index.html").write_text('<script nonce="CSP_NONCE"></script><script src="main-ABCD1234.js"></script>')
    (tmp_path / "main-ABCD1234.js").write_text(SCRIPT)
    (tmp_path / "main-ABCD1234.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "favicon.svg").write_text("<svg/>")
    app = FastAPI()

    @app.get("/ui/{path:path}")
    async def browser_app(request: Request, path: str) -> Response:
        return serve(request, path, tmp_path)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_hashed_files_are_cached_for_ever_and_sent_compressed(browser: httpx.AsyncClient) -> None:
    packed = await browser.get("/ui/main-ABCD1234.js", headers={"Accept-Encoding": "gzip, br;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.text == SCRIPT
    plain = await browser.get("/ui/main-ABCD1234.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != packed.headers["etag"]


async def test_other_files_are_asked_for_again_and_not_sent_again(browser: httpx.AsyncClient) -> None:
    icon = await browser.get("/ui/favicon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    assert icon.headers["content-type"].startswith("image/svg+xml")
    again = await browser.get("/ui/favicon.svg", headers={"If-None-Match": icon.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["", "jobs/job_1", "index.html"])
async def test_every_page_is_the_one_page_with_a_nonce_of_its_own(browser: httpx.AsyncClient, path: str) -> None:
    first, second = [await browser.get(f"/ui/{path}") for _ in range(2)]
    assert first.headers["cache-control"] == "no-store"
    (nonce,) = re.findall(r'nonce="([^"]+)"', first.text)
    assert f"script-src 'self' 'nonce-{nonce}'" in first.headers["content-security-policy"]
    assert nonce not in second.text


async def test_a_file_of_an_older_build_is_missing(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/ui/chunk-OLDOLDOL.js")).status_code == 404


async def test_a_checkout_without_the_built_app_says_so(tmp_path: Path) -> None:
    scope = {"type": "http", "method": "GET", "path": "/ui/", "headers": []}
    answer = serve(Request(scope), "", tmp_path / "nothing")
    assert answer.status_code == 503
    assert b"make web" in bytes(answer.body)
