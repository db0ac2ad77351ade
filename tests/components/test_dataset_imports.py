"""Datasets are imported from a local hub, an object store and a web server, or refused with what to do."""

import asyncio
import gzip
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from services.dataset.app import build
from services.dataset.imports.fetching import FOLDER
from services.dataset.imports.url import UrlSource, download
from shared.runtime.http.addresses import AddressRefused
from shared.runtime.http.principal import Principal
from tests.support.data_cases import data_case
from tests.support.model_hub import COMMIT, LocalHub, run_local_hub
from tests.support.object_store import ListingServer, run_listing_server
from tests.support.running_service import RunningService, open_service
from tests.support.signing import SignedAs
from tests.support.web_files import WebFiles, run_web_files

ENDED = ("ready", "rejected", "failed", "cancelled", "deleted")
TIMEOUT_S = 120

pytestmark = pytest.mark.asyncio(loop_scope="module")


def rows(count: int, word: str = "river") -> bytes:
    pairs = ({"prompt": f"Name {word} {n}.", "completion": f"{word} number {n}"} for n in range(count))
    return b"".join(json.dumps(pair).encode() + b"\n" for pair in pairs)


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    with run_local_hub() as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[ListingServer]:
    with run_listing_server() as running:
        yield running


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with run_web_files() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory, hub: LocalHub) -> AsyncIterator[RunningService]:
    home = tmp_path_factory.mktemp("imports")
    settings = {"hub_endpoint": hub.url, "import_hosts": ["127.0.0.1"], "upload_limit": 1 << 20}
    async with open_service(build, home, **settings) as running:
        yield running


async def follow(service: RunningService, id: str) -> dict[str, Any]:
    """Wait for the end of an import."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            found: dict[str, Any] = (await service.http.get(f"/datasets/imports/{id}")).json()
            if found["state"] in ENDED:
                return found
            await asyncio.sleep(0.02)


async def imported(service: RunningService, **body: Any) -> dict[str, Any]:
    answer = await service.http.post("/datasets/import", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "downloading"
    return await follow(service, answer.json()["id"])


async def version_of(service: RunningService, found: dict[str, Any]) -> dict[str, Any]:
    """The version that an import became."""
    dataset = (await service.http.get(f"/datasets/{found['dataset_id']}")).json()
    return next(version for version in dataset["versions"] if version["version"] == found["version"])


def repository(hub: LocalHub, folder: Path, id: str, card: str = "", **files: bytes) -> None:
    """A hub dataset; `__` in a file's name is a dot, `___` a slash."""
    for name, content in {"README__md": card.encode(), **files}.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    hub.repositories[f"datasets/{id}"] = folder


async def downloaded(service: RunningService, id: str) -> int:
    """Bytes of an import that are on disk or about to be."""
    found: dict[str, Any] = (await service.http.get(f"/datasets/imports/{id}")).json()
    return int(found["bytes_done"])


CONFIGS = """---
configs:
- config_name: north
  data_files: north/*.jsonl
- config_name: south
  data_files: south/*.jsonl
---
"""


@data_case("Import", "a hub dataset by its id", "pinned to its commit; source, commit and configuration are kept")
async def test_hub_dataset_is_imported_at_a_commit(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    repository(hub, tmp_path, "lake/rivers", train__jsonl=rows(20))
    found = await imported(service, hub_id="lake/rivers")
    assert found["state"] == "ready", found
    version = await version_of(service, found)
    assert version["report"]["rows"] == 20
    origin = version["origin"]
    assert (origin["source"], origin["location"], origin["revision"]) == ("hub", "lake/rivers", COMMIT)
    assert (origin["config"], origin["splits"]) == ("default", ["train"])
    again = await imported(service, hub_id="lake/rivers")
    assert (again["dataset_id"], again["version"]) == (found["dataset_id"], found["version"])
    async with asyncio.timeout(TIMEOUT_S):  # the folder is deleted after the import has ended
        while list((service.resources.scratch / FOLDER).iterdir()):
            await asyncio.sleep(0.02)


@data_case("Import", "a hub dataset with train and test files", "its splits are kept apart")
async def test_splits_of_a_hub_dataset_are_kept(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    repository(hub, tmp_path, "lake/parts", data___train__jsonl=rows(20), data___test__jsonl=rows(5, "lake"))
    found = await imported(service, hub_id="lake/parts")
    version = await version_of(service, found)
    assert (version["report"]["rows"], version["origin"]["splits"]) == (25, ["test", "train"])
    splits = version["report"]["splits"]
    assert (splits["train"] + splits["validation"], splits["test"]) == (20, 5)


@data_case("Import", "a hub dataset with a file that no split has", "listed as ignored, with a warning")
async def test_file_of_no_split_is_reported(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    repository(
        hub, tmp_path, "lake/extra", data___train__jsonl=rows(12, "bay"), extra___other__csv=b"prompt,completion"
    )
    version = await version_of(service, await imported(service, hub_id="lake/extra"))
    assert (version["report"]["rows"], version["report"]["ignored_files"]) == (12, ["extra/other.csv"])
    warning = next(one for one in version["report"]["warnings"] if one["code"] == "files_skipped")
    assert "extra/other.csv (in no split of the hub dataset)" in warning["detail"]


@data_case(
    "Import", "a hub dataset whose only file is named after two splits", "refused with the splits to choose from"
)
async def test_file_of_two_splits_is_refused(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    repository(hub, tmp_path, "lake/both", train_test__jsonl=rows(12, "bight"))
    refused = await imported(service, hub_id="lake/both")
    assert (refused["code"], "--split train" in refused["detail"]) == ("unknown_split", True)
    assert (await imported(service, hub_id="lake/both", split="train"))["state"] == "ready"


@data_case("Import", "one split of a hub dataset", "only its rows, split anew")
async def test_one_split_is_imported_alone(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    packed = gzip.compress(rows(10, "lake"))
    repository(hub, tmp_path, "lake/one", train__jsonl__gz=gzip.compress(rows(20)), test__jsonl__gz=packed)
    version = await version_of(service, await imported(service, hub_id="lake/one", split="test"))
    assert version["report"]["rows"] == 10
    assert {name for name, count in version["report"]["splits"].items() if count} == {"train", "validation"}


@data_case("Import", "a hub dataset with several configurations", "the error lists them")
async def test_configuration_must_be_named_where_there_are_several(
    service: RunningService, hub: LocalHub, tmp_path: Path
) -> None:
    repository(hub, tmp_path, "lake/two", CONFIGS, north___a__jsonl=rows(9), south___b__jsonl=rows(7, "lake"))
    refused = await imported(service, hub_id="lake/two")
    assert (refused["state"], refused["code"]) == ("failed", "unknown_config")
    assert "north, south" in refused["detail"]
    assert "--config" in refused["detail"]
    version = await version_of(service, await imported(service, hub_id="lake/two", config="south"))
    assert (version["report"]["rows"], version["origin"]["config"]) == (7, "south")


@data_case("Import", "a hub dataset with splits of other names", "refused with the names; each can be imported alone")
async def test_splits_that_cannot_be_kept_apart_are_refused(
    service: RunningService, hub: LocalHub, tmp_path: Path
) -> None:
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    card += "  - split: short\n    path: a.jsonl\n  - split: long\n    path: b.jsonl\n---\n"
    repository(hub, tmp_path, "lake/odd", card, a__jsonl=rows(9), b__jsonl=rows(7, "lake"))
    refused = await imported(service, hub_id="lake/odd")
    assert (refused["code"], "short, long" in refused["detail"]) == ("unknown_split", True)


@data_case("Import", "a hub dataset whose card names a file on another host", "refused; the address is not read")
async def test_address_in_a_card_is_not_read(
    service: RunningService, hub: LocalHub, web: WebFiles, tmp_path: Path
) -> None:
    web.files["/a.jsonl"] = rows(9)
    card = f"---\nconfigs:\n- config_name: default\n  data_files: {web.url}/a.jsonl\n---\n"
    repository(hub, tmp_path, "lake/elsewhere", card, train__jsonl=rows(9))
    found = await imported(service, hub_id="lake/elsewhere")
    assert (found["state"], found["code"], web.requests) == ("failed", "source_refused", [])
    assert "README.md, configs[0].data_files: " in found["detail"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"hub_id": "lake/nowhere"}, "unknown_dataset"),
        ({"hub_id": "lake/gated"}, "gated_dataset"),
        ({"hub_id": "lake/gated", "token": "hf_wrong"}, "gated_dataset"),
        ({"hub_id": "lake/rivers2", "revision": "gone"}, "unknown_revision"),
        ({"hub_id": "lake/rivers2", "split": "dev"}, "unknown_split"),
        ({"hub_id": "lake/rivers2", "config": "east"}, "unknown_config"),
        ({"hub_id": "lake/script"}, "no_data_files"),
        ({"hub_id": "lake/pictures"}, "no_data_files"),
        ({"hub_id": "lake/large"}, "upload_too_large"),
    ],
)
async def test_hub_dataset_that_cannot_be_imported_is_explained(
    service: RunningService, hub: LocalHub, tmp_path: Path, body: dict[str, str], code: str
) -> None:
    repository(hub, tmp_path / "a", "lake/gated", train__jsonl=rows(9))
    repository(hub, tmp_path / "b", "lake/rivers2", train__jsonl=rows(9))
    repository(hub, tmp_path / "c", "lake/script", script__py=b"raise SystemExit('this ran')")
    repository(hub, tmp_path / "d", "lake/pictures", a__png=b"png")
    repository(hub, tmp_path / "e", "lake/large", train__jsonl=bytes(2 << 20))
    hub.gated.add("datasets/lake/gated")
    found = await imported(service, **body)
    assert (found["state"], found["code"]) == ("failed", code), found
    assert "hf_wrong" not in json.dumps(found)


async def test_token_is_used_and_never_kept(service: RunningService, hub: LocalHub, tmp_path: Path) -> None:
    repository(hub, tmp_path, "lake/private", train__jsonl=rows(9))
    hub.gated.add("datasets/lake/private")
    found = await imported(service, hub_id="lake/private", token=hub.token)
    assert found["state"] == "ready", found
    document = await (await service.resources.documents.collection("dataset.imports")).get(found["id"])
    assert document is not None
    assert hub.token not in json.dumps(document, default=str)


async def test_web_file_is_imported_through_redirects(service: RunningService, web: WebFiles) -> None:
    web.files["/real.jsonl"], web.redirects["/latest"] = rows(12, "hill"), "/real.jsonl"
    found = await imported(service, url=f"{web.url}/latest?signature=s3cret", name="hills")
    assert found["state"] == "ready", found
    version = await version_of(service, found)
    assert (version["file_name"], version["report"]["rows"]) == ("real.jsonl", 12)
    assert "s3cret" not in json.dumps([found, version])


async def test_broken_connection_is_continued(service: RunningService, web: WebFiles) -> None:
    data = rows(2000, "hill")
    web.files["/cut.jsonl"], web.truncate_once["/cut.jsonl"] = data, len(data) - 100
    found = await imported(service, url=f"{web.url}/cut.jsonl")
    assert (await version_of(service, found))["size"] == len(data)
    assert web.ranges == [f"bytes={len(data) - 100}-"]


async def test_download_that_was_complete_already_ends(tmp_path: Path, web: WebFiles) -> None:
    async def ignore(done: int, total: int | None) -> None:
        pass

    web.files["/whole.jsonl"] = data = rows(20)
    for _ in range(2):
        path, _ = await download(UrlSource(f"{web.url}/whole.jsonl", ["127.0.0.1"], (), 10**6), tmp_path, ignore)
        assert path.read_bytes() == data
    assert web.ranges == [f"bytes={len(data)}-"]


async def test_file_without_a_declared_length_is_cut_off_at_the_limit(service: RunningService, web: WebFiles) -> None:
    web.files["/long.jsonl"], web.files["/short.jsonl"] = rows(40_000), rows(20, "moor")
    web.without_length |= {"/long.jsonl", "/short.jsonl"}
    found = await imported(service, url=f"{web.url}/long.jsonl")
    assert (found["state"], found["code"]) == ("failed", "upload_too_large")
    assert "ANNEAL_UPLOAD_LIMIT" in found["detail"]
    assert (await imported(service, url=f"{web.url}/short.jsonl"))["state"] == "ready"


@data_case("Import", "the address of a web page instead of a file", "refused with the remedy")
async def test_web_page_is_not_a_file(service: RunningService, web: WebFiles) -> None:
    web.files["/page.jsonl"], web.content_types["/page.jsonl"] = b"<html>secret page", "text/html; charset=utf-8"
    found = await imported(service, url=f"{web.url}/page.jsonl")
    assert (found["code"], "hub_id" in found["detail"], "secret" in found["detail"]) == ("source_refused", True, False)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "source_refused"), (403, "source_refused"), (404, "source_not_found")]
)
async def test_refusal_of_a_web_server_is_explained(
    service: RunningService, web: WebFiles, status: int, code: str
) -> None:
    web.statuses["/a.jsonl"] = status
    assert (await imported(service, url=f"{web.url}/a.jsonl"))["code"] == code


@data_case("Import", "an address that redirects into the private network", "refused; the address is not read")
async def test_redirect_into_the_private_network_is_refused(service: RunningService, web: WebFiles) -> None:
    with run_web_files() as inner:
        inner.files["/a.jsonl"] = rows(9)
        web.redirects["/a.jsonl"] = f"{inner.url.replace('127.0.0.1', 'localhost')}/a.jsonl"
        found = await imported(service, url=f"{web.url}/a.jsonl")
        assert (found["state"], found["code"], inner.requests) == ("failed", "address_refused", [])


@pytest.mark.parametrize(
    "url", ["https://localhost/a.jsonl", "https://[::1]/a.jsonl", "https://169.254.169.254/x.jsonl"]
)
async def test_private_address_is_refused_unless_the_operator_allows_its_host(tmp_path: Path, url: str) -> None:
    async def never(done: int, total: int | None) -> None:
        raise AssertionError("it was read")

    with pytest.raises(AddressRefused) as refused:
        await download(UrlSource(url, ["127.0.0.1"], (), 1000), tmp_path, never)
    assert "ANNEAL_IMPORT_HOSTS" in str(refused.value.remedy)


async def test_object_is_imported_by_an_admin_only(service: RunningService, store: ListingServer) -> None:
    store.objects["/bucket/in/peaks.jsonl"] = rows(11, "peak")
    uri = f"{store.url}/bucket/in/peaks.jsonl"
    writer = SignedAs(service.resources, Principal("writer", scopes=("write",)))
    refused = await service.http.post("/datasets/import", json={"uri": uri}, auth=writer)
    assert (refused.status_code, refused.json()["field"]) == (403, "uri")
    found = await imported(service, uri=uri)
    assert found["state"] == "ready", found
    version = await version_of(service, found)
    assert (version["report"]["rows"], version["file_name"]) == (11, "peaks.jsonl")
    assert "secret" not in json.dumps([found, version])
    assert (await imported(service, uri=f"{store.url}/bucket/in/none.jsonl"))["code"] == "source_not_found"


async def test_object_store_in_the_private_network_is_refused(service: RunningService, store: ListingServer) -> None:
    store.objects["/bucket/in/peaks.jsonl"], before = rows(11), len(store.requested_objects)
    address = store.url.replace("127.0.0.1", "localhost")
    found = await imported(service, uri=f"{address}/bucket/in/peaks.jsonl")
    assert (found["state"], found["code"], len(store.requested_objects)) == ("failed", "address_refused", before)
    assert "ANNEAL_IMPORT_HOSTS" in found["detail"]


@data_case("Import", "a hub that redirects a file into the private network", "refused; the address is not read")
async def test_hub_redirect_into_the_private_network_is_refused(
    hub: LocalHub, web: WebFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(hub, tmp_path / "away", "lake/away", away__jsonl=rows(9))
    web.files["/away.jsonl"] = rows(9)
    monkeypatch.setitem(hub.redirects, "away.jsonl", f"{web.url}/away.jsonl")
    async with open_service(build, tmp_path, hub_endpoint=hub.url) as strict:
        found = await imported(strict, hub_id="lake/away")
    assert (found["state"], found["code"], web.requests) == ("failed", "address_refused", []), found


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hub_id": "a/b", "url": "https://x/y"},
        {"url": "ftp://x/y"},
        {"url": "https://x/y", "token": "t"},
        {"hub_id": "a b"},
        {"hub_id": "a/b", "mapping": {"nothing": "x"}},
        {"uri": "s3://bucket/other/x.jsonl"},
    ],
)
async def test_request_without_exactly_one_source_is_refused(service: RunningService, body: dict[str, Any]) -> None:
    answer = await service.http.post("/datasets/import", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("hub_id", ["squad", "../x", "a/..", "a--b/c", "a/b.git", "-a/b", "a/b/c", "https://hub/a/b"])
async def test_hub_id_without_owner_and_name_is_refused(service: RunningService, hub_id: str) -> None:
    answer = await service.http.post("/datasets/import", json={"hub_id": hub_id})
    assert (answer.status_code, answer.json()["field"]) == (422, "hub_id")
    assert "owner/name is expected, such as rajpurkar/squad" in answer.json()["detail"]


async def test_download_is_cancelled_and_leaves_no_files(service: RunningService, web: WebFiles) -> None:
    web.files["/slow.jsonl"], web.blocked["/slow.jsonl"] = rows(9), threading.Event()
    id = (await service.http.post("/datasets/import", json={"url": f"{web.url}/slow.jsonl"})).json()["id"]
    async with asyncio.timeout(TIMEOUT_S):
        while not web.requests:
            await asyncio.sleep(0.02)
    assert (await service.http.delete(f"/datasets/imports/{id}")).status_code == 200
    assert (await follow(service, id))["state"] == "cancelled"
    web.blocked["/slow.jsonl"].set()
    async with asyncio.timeout(TIMEOUT_S):
        while (service.resources.scratch / FOLDER / id).exists():
            await asyncio.sleep(0.02)


async def test_download_continues_after_a_restart(tmp_path: Path, web: WebFiles) -> None:
    data = rows(2000, "cliff")
    web.files["/slow.jsonl"], web.blocked["/slow.jsonl"] = data, threading.Event()
    async with open_service(build, tmp_path, import_hosts=["127.0.0.1"]) as first:
        body = {"url": f"{web.url}/slow.jsonl", "name": "cliffs"}
        id = (await first.http.post("/datasets/import", json=body)).json()["id"]
        async with asyncio.timeout(TIMEOUT_S):
            while not await downloaded(first, id):
                await asyncio.sleep(0.02)
    web.blocked.pop("/slow.jsonl").set()
    async with open_service(build, tmp_path, import_hosts=["127.0.0.1"]) as second:
        found = await follow(second, id)
        assert found["state"] == "ready", found
        assert (await version_of(second, found))["size"] == len(data)
        assert web.ranges == ["bytes=1-"]


@data_case("Import", "the engine is killed during a hub download", "the download is continued")
async def test_hub_download_continues_after_its_engine_is_killed(
    service: RunningService, hub: LocalHub, tmp_path: Path
) -> None:
    repository(hub, tmp_path, "lake/killed", a__jsonl=rows(9), b__jsonl=rows(20, "pond"))
    hub.blocked["b.jsonl"] = threading.Event()
    id = (await service.http.post("/datasets/import", json={"hub_id": "lake/killed"})).json()["id"]
    folder = service.resources.scratch / FOLDER / id
    async with asyncio.timeout(TIMEOUT_S):
        while not (folder / "files" / "a.jsonl").exists():
            await asyncio.sleep(0.02)
        engines = [pid for pid in psutil.pids() if _works_in(pid, folder)]
        assert engines
        for pid in engines:
            os.kill(pid, signal.SIGKILL)
    hub.blocked.pop("b.jsonl").set()
    found = await follow(service, id)
    assert found["state"] == "ready", found
    assert (await version_of(service, found))["report"]["rows"] == 29


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return bool(psutil.Process(pid).cwd() == str(folder.resolve()))
    except psutil.Error:
        return False
