"""The secrets that callers give for imports are on disk in no readable form at any time, and are gone at the end.

Scanned are the files of documents with their journal, bus, blobs, scratch folders and the log.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from services.dataset.app import build
from shared.events.dataset import ImportFailed, ImportSucceeded
from shared.runtime.telemetry.logging import configure_logging
from tests.support.model_hub import LocalHub, run_local_hub
from tests.support.object_store import ListingServer, run_listing_server
from tests.support.running_service import RunningService, open_service
from tests.support.secret_scan import files_with
from tests.support.web_files import WebFiles, run_web_files

ROWS = b"".join(b'{"prompt": "Name %d.", "completion": "number %d"}\n' % (n, n) for n in range(20))
ENDED = ("ready", "rejected", "failed", "cancelled", "deleted")
TIMEOUT_S = 120

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "train.jsonl").write_bytes(ROWS)
    with run_local_hub() as running:
        running.repositories["datasets/lake/private"], running.token = folder, "hf_right_4f9c2e"
        running.gated.add("datasets/lake/private")
        yield running


@pytest.fixture(scope="module")
def web() -> Iterator[WebFiles]:
    with run_web_files() as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[ListingServer]:
    with run_listing_server() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory, hub: LocalHub) -> AsyncIterator[RunningService]:
    home = tmp_path_factory.mktemp("secrets")
    before = structlog.get_config()
    with (home / "anneal.log").open("w", buffering=1) as log:
        configure_logging(log)
        async with open_service(build, home, hub_endpoint=hub.url, import_hosts=["127.0.0.1"]) as running:
            yield running
        configure_logging()
    structlog.configure(**before)


async def queue(service: RunningService, **body: Any) -> str:
    answer = await service.http.post("/datasets/import", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def follow(service: RunningService, id: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            found: dict[str, Any] = (await service.http.get(f"/datasets/imports/{id}")).json()
            if found["state"] in (states or ENDED):
                return found
            await asyncio.sleep(0.02)


async def stored(service: RunningService, id: str) -> Any:
    """The secret in the import's document."""
    document = await (await service.resources.documents.collection("dataset.imports")).get(id)
    assert document is not None
    return document["secret"]


async def expect_gone(service: RunningService, id: str, *secrets: str) -> None:
    assert await stored(service, id) is None
    answers = [await service.http.get(path) for path in (f"/datasets/imports/{id}", "/datasets/imports", "/datasets")]
    for secret in secrets:
        assert files_with(secret, service.folder) == []
        assert not any(secret in answer.text for answer in answers)


async def test_hub_token_is_encrypted_while_it_is_used_and_gone_at_the_end(
    service: RunningService, hub: LocalHub
) -> None:
    hub.blocked["train.jsonl"] = threading.Event()
    id = await queue(service, hub_id="lake/private", token=hub.token)
    while not hub.served["train.jsonl"]:
        await asyncio.sleep(0.02)
    assert ":" in await stored(service, id)
    assert files_with(hub.token, service.folder) == []
    hub.blocked.pop("train.jsonl").set()
    assert (await follow(service, id))["state"] == "ready"
    await expect_gone(service, id, hub.token)
    outcome = await service.next_event(ImportSucceeded)
    assert (outcome["import_id"], outcome["secret"]) == (id, "hub token")


async def test_wrong_hub_token_is_gone_after_the_failure(service: RunningService) -> None:
    id = await queue(service, hub_id="lake/private", token="hf_wrong_77a1")
    assert (await follow(service, id))["code"] == "gated_dataset"
    await expect_gone(service, id, "hf_wrong_77a1")
    outcome = await service.next_event(ImportFailed)
    assert (outcome["import_id"], outcome["cause"], outcome["secret"]) == (id, "gated_dataset", "hub token")


async def test_signed_address_is_encrypted_and_gone_after_a_cancellation(
    service: RunningService, web: WebFiles
) -> None:
    web.files["/a.jsonl"], web.blocked["/a.jsonl"] = ROWS, threading.Event()
    address = web.url.replace("http://", "http://reader:pass_81b3@")
    id = await queue(service, url=f"{address}/a.jsonl?signature=sig_c0ffee#part_d00d")
    secrets = ("pass_81b3", "sig_c0ffee", "part_d00d")
    while not web.requests:
        await asyncio.sleep(0.02)
    assert [files_with(secret, service.folder) for secret in secrets] == [[], [], []]
    await service.http.delete(f"/datasets/imports/{id}")
    await follow(service, id)
    web.blocked.pop("/a.jsonl").set()
    await expect_gone(service, id, *secrets)


async def test_key_of_an_object_store_is_gone_after_success_and_failure(
    service: RunningService, store: ListingServer
) -> None:
    store.objects["/bucket/in/a.jsonl"] = ROWS
    address = store.url.replace("key:secret", "AKIA_5e1f:s3cret_9d2a")
    for name, state in (("a", "ready"), ("none", "failed")):
        id = await queue(service, uri=f"{address}/bucket/in/{name}.jsonl?session=tok_beef")
        assert (await follow(service, id))["state"] == state
        await expect_gone(service, id, "s3cret_9d2a", "AKIA_5e1f", "tok_beef")


@pytest.mark.parametrize(("settings", "state"), [({}, "ready"), ({"secret": "replaced " * 4}, "failed")])
async def test_secret_survives_a_restart_encrypted_unless_the_key_was_replaced(
    tmp_path: Path, web: WebFiles, settings: dict[str, str], state: str
) -> None:
    """An import that was interrupted continues; without its key it fails with the reason, and its secret is gone."""
    allowed: dict[str, Any] = {"import_hosts": ["127.0.0.1"]}
    web.files["/b.jsonl"], web.blocked["/b.jsonl"] = ROWS, threading.Event()
    async with open_service(build, tmp_path, **allowed) as first:
        id = await queue(first, url=f"{web.url}/b.jsonl?signature=sig_feed")
        while "/b.jsonl" not in web.requests:
            await asyncio.sleep(0.02)
    web.blocked.pop("/b.jsonl").set()
    web.requests.clear()
    assert files_with("sig_feed", tmp_path) == []
    async with open_service(build, tmp_path, **allowed, **settings) as second:
        found = await follow(second, id)
        assert (found["state"], found["code"]) == (state, "secret_unreadable" if state == "failed" else None)
        await expect_gone(second, id, "sig_feed")
