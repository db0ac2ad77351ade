"""While the disk of the data directory is full, a caller can read, and delete until there is space again."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import services.dataset.app
import services.gateway.app
from shared.runtime.resources import open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings

ROW = b'{"messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"b"}]}\n'


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", mounted], capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted")
    yield mounted
    subprocess.run(["umount", mounted], check=True)


def fill(path: Path) -> None:
    """Take the whole space."""
    with path.open("wb") as file, contextlib.suppress(OSError):
        while os.write(file.fileno(), bytes(4096)):
            pass
    assert shutil.disk_usage(path.parent).free == 0


async def upload(client: httpx.AsyncClient, name: str) -> httpx.Response:
    rows = b"".join(ROW % number for number in range(100))
    return await client.post("/datasets/upload", files={"file": (f"{name}.jsonl", rows)})


async def test_dataset_is_deleted_and_the_audit_log_read_with_a_full_disk(disk: Path) -> None:
    async with open_resources(Settings(home=disk / "home", warm_engines=False)) as resources:
        dataset = await services.dataset.app.build(resources)
        gateway = await services.gateway.app.build(resources, {"dataset": web_app(dataset, resources)})
        headers = {"Authorization": f"Bearer {(disk / 'home' / 'api-key').read_text().strip()}"}
        transport = httpx.ASGITransport(gateway.app)
        async with (
            running([dataset, gateway.service], resources),
            httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers, timeout=60) as client,
        ):
            stored = (await upload(client, "first")).raise_for_status().json()["id"]
            fill(disk / "other")
            assert (await upload(client, "refused")).json()["code"] == "disk_full"
            assert (await client.delete(f"/datasets/{stored}")).status_code == 204
            assert not (disk / "home" / "reserve").exists()
            assert (await client.get("/audit")).json()["items"][0]["resource_id"] == stored
            assert (await upload(client, "refused")).json()["code"] == "disk_full"
            assert (await client.get("/datasets")).json()["items"] == []
            (disk / "other").unlink()
            assert (await upload(client, "second")).status_code == 201
            assert (disk / "home" / "reserve").stat().st_size
    assert not (disk / "home" / "reserve").exists()
