"""Serves the browser app under /ui/: precompressed build files, and index.html for every deep link."""

import mimetypes
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

DIST = Path(__file__).parent / "web" / "dist"
HASHED = re.compile(r"-[A-Z0-9]{8}\.(?:js|css)$")
"""File names with a content hash: their content never changes."""
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
NONCE = "CSP_NONCE"
"""The placeholder for the page's nonce in web/src/index.html."""
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""Angular inserts component styles with the nonce. Style attributes only move and size elements."""
MISSING = """<!doctype html><meta charset="utf-8"><title>Anneal</title><h1>The browser app is not built</h1>
<p>Build it with <code>make web</code>. The command line works without it: <code>anneal --help</code>.</p>"""


@dataclass(frozen=True)
class Asset:
    """A build file with its precompressed forms by content coding."""

    content: bytes
    media_type: str
    etag: str
    encoded: Mapping[str, bytes]


@cache
def assets(folder: Path = DIST) -> Mapping[str, Asset]:
    """Read every build file, by its path below the folder. They are few and small, so they stay in memory."""
    suffixes = tuple(suffix for _, suffix in ENCODINGS)
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in suffixes]
    return {path.relative_to(folder).as_posix(): _asset(path) for path in files}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    compressed = {coding: path.with_name(path.name + suffix) for coding, suffix in ENCODINGS}
    return Asset(
        content=content,
        media_type=_media_type(path.name),
        etag=sha256(content).hexdigest()[:32],
        encoded={coding: file.read_bytes() for coding, file in compressed.items() if file.is_file()},
    )


def _media_type(name: str) -> str:
    """The type by the extension; Starlette names the character set of text only."""
    found = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.endswith("+xml") else found


def serve(request: Request, path: str, folder: Path = DIST) -> Response:
    """Return the build file at `path` below /ui/, or the app's page: the client-side router handles all other paths."""
    asset = assets(folder).get(path)
    if asset is None and "." in path.rpartition("/")[2]:
        return Response(status_code=404)  # a file of an older build: HTML in place of a script would only confuse
    if asset is None or path == "index.html":
        return page(folder)
    return _file(request, asset, IMMUTABLE if HASHED.search(path) else REVALIDATE)


def page(folder: Path = DIST) -> HTMLResponse:
    """Return index.html with a fresh nonce. It is never cached because it names the hashed files of one build."""
    index = assets(folder).get("index.html")
    if index is None:
        return HTMLResponse(MISSING, 503, headers={"Cache-Control": "no-store"})
    nonce = secrets.token_urlsafe(16)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY.format(nonce=nonce)}
    return HTMLResponse(index.content.decode().replace(NONCE, nonce), headers=headers)


def _file(request: Request, asset: Asset, cache_control: str) -> Response:
    coding = _coding(request.headers.get("accept-encoding", ""), asset)
    etag = f'"{asset.etag}-{coding}"' if coding else f'"{asset.etag}"'
    headers = {"Cache-Control": cache_control, "ETag": etag, "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if coding is None:
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    return Response(asset.encoded[coding], media_type=asset.media_type, headers={**headers, "Content-Encoding": coding})


def _coding(accepted: str, asset: Asset) -> str | None:
    """Return the best content coding that both the client and the asset support."""
    offers = [offer.replace(" ", "").lower() for offer in accepted.split(",")]
    names = {offer.partition(";")[0] for offer in offers if not re.search(r";q=0(\.0*)?$", offer)}
    return next((coding for coding, _ in ENCODINGS if coding in names and coding in asset.encoded), None)
