"""Our static pages, each with a policy that lets it run its own script and nothing else."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi.responses import HTMLResponse

FOLDER = Path(__file__).parent / "html"


@cache
def _policy(html: str) -> str:
    """A Content-Security-Policy that names the page's scripts by hash; nothing is fetched from elsewhere."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    rules = ("default-src 'none'", f"script-src {hashes}", "style-src 'unsafe-inline'", "connect-src 'self'")
    return "; ".join((*rules, "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.html").read_text("utf-8")


def page(name: str) -> HTMLResponse:
    """The page `name`."""
    html = _text(name)
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Content-Security-Policy": _policy(html)})
