"""Static HTML pages, each with a Content-Security-Policy that allows only its own inline script."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi.responses import HTMLResponse

FOLDER = Path(__file__).parent / "html"


@cache
def _policy(html: str) -> str:
    """Build a Content-Security-Policy that allows the page's scripts by hash and fetches nothing from other hosts."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    rules = ("default-src 'none'", f"script-src {hashes}", "style-src 'unsafe-inline'", "connect-src 'self'")
    return "; ".join((*rules, "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.html").read_text("utf-8")


def page(name: str, status: int = 200) -> HTMLResponse:
    """Return the page `name` as a response."""
    html = _text(name)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-cache", "Content-Security-Policy": _policy(html)})
