"""Writes docs/reference/openapi.json as the running platform describes itself; `--check` fails on a difference."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import httpx

import services.gateway.app
from deploy.embedded import BUILDERS
from shared.runtime.resources import open_resources
from shared.runtime.service import web_app
from shared.runtime.settings import Settings

OPENAPI = Path("docs/reference/openapi.json")


async def openapi(home: Path) -> str:
    """The merged description of all rooms, as text."""
    async with open_resources(Settings(home=home)) as resources:
        rooms = [await build(resources) for build in BUILDERS]
        apps = {room.name: web_app(room, resources) for room in rooms}
        gateway = await services.gateway.app.build(resources, apps)
        key = (home / "api-key").read_text().strip()
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.get("/openapi.json", headers={"Authorization": f"Bearer {key}"})
        return json.dumps(response.raise_for_status().json(), indent=1, ensure_ascii=False) + "\n"


def main(check: bool) -> int:
    """Write, or compare; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        text = asyncio.run(openapi(Path(folder)))
    if not check:
        OPENAPI.write_text(text)
    elif OPENAPI.read_text() != text:
        sys.stderr.write(f"{OPENAPI} is out of date: run `make reference`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
