"""Versions made from versions, over HTTP, with real engine processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.dataset.app import build
from services.dataset.upload_store import UPLOAD_PREFIX
from shared.blobs.artifacts import read_manifest
from shared.events.dataset import DatasetReady
from tests.support.running_service import RunningService, open_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("curation")) as running:
        yield running


async def ready(service: RunningService, response: Any) -> dict[str, Any]:
    """Wait until every version is validated: on a busy machine the answer is 202."""
    assert response.is_success, response.text
    dataset: dict[str, Any] = response.json()
    async with asyncio.timeout(120):
        while dataset["state"] == "validating":
            await asyncio.sleep(0.05)
            dataset = (await service.http.get(f"/datasets/{dataset['id']}")).json()
    return dataset


async def upload(service: RunningService, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return await ready(service, await service.http.post("/datasets/upload", files={"file": (f"{name}.jsonl", content)}))


def pairs(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"Where is order {n}?", "completion": f"On its way, {n}.", "topic": "order"} for n in range(count)
    ]


async def test_search_exclude_and_diff(service: RunningService) -> None:
    dataset = await upload(
        service, "orders", [*pairs(20), {"prompt": "Who?", "completion": "a secret", "topic": "other"}]
    )
    url, first = f"/datasets/{dataset['id']}", dataset["version"]
    found = (await service.http.get(f"{url}/preview", params={"search": "SECRET"})).json()
    assert (found["total"], found["rows"][0]["row_id"]) == (1, 20)
    assert found["matches"] == {"train": 1, "validation": 0}
    by_topic = (await service.http.get(f"{url}/preview", params={"where": "topic=other"})).json()
    assert by_topic["rows"] == found["rows"]
    await service.next_event(DatasetReady)

    response = await service.http.post(f"{url}/exclude", json={"rows": [3], "search": "secret"})
    after = await ready(service, response)
    version = after["versions"][0]
    assert (after["version"], after["rows"]) == (version["version"], 19)
    assert version["version"] != first
    expected = {"kind": "exclude", "parent": first, "excluded_ids": 1, "search": "secret"}
    assert expected.items() <= version["edit"].items()
    assert (await service.next_event(DatasetReady))["parent"] == first
    manifest = await read_manifest(service.resources.blobs, f"default/datasets/{dataset['id']}/{after['version']}")
    assert (sum(manifest["rows"].values()), manifest["columns"]) == (19, ["topic"])
    again = await service.http.post(f"{url}/exclude", json={"rows": [3], "search": "secret", "version": first})
    assert (again.status_code, again.json()["version"]) == (200, after["version"])
    rejected = await service.http.get(f"{url}/rejected")
    assert (rejected.status_code, rejected.content) == (200, b"")

    diff = (await service.http.get(f"{url}/diff", params={"before": first})).json()
    assert (diff["removed"], diff["added"], diff["unchanged"]) == (2, 0, 19)
    assert {row["before"]["row_id"] for row in diff["rows"]} == {3, 20}
    assert (await service.http.get(f"{url}/preview", params={"version": first, "limit": 1})).json()["total"] > 0
    assert await service.resources.blobs.list(UPLOAD_PREFIX) == []


async def test_deduplicate_and_duplicates(service: RunningService) -> None:
    dataset = await upload(service, "twice", [*pairs(10), *pairs(4)])
    url = f"/datasets/{dataset['id']}"
    found = (await service.http.get(f"{url}/duplicates")).json()
    assert (found["exact"], found["version"]) == (4, dataset["version"])
    after = await ready(service, await service.http.post(f"{url}/deduplicate", json={}))
    assert (after["rows"], after["report"]["duplicates"]) == (10, 0)
    none = await service.http.post(f"{url}/deduplicate", json={})
    assert (none.status_code, none.json()["detail"]) == (422, "There are no duplicates.")
    kept = (await service.http.get(url)).json()
    assert [version["state"] for version in kept["versions"]] == ["ready", "ready"]


async def test_requests_that_mean_nothing_are_refused(service: RunningService) -> None:
    dataset = await upload(service, "refused", pairs(5))
    url = f"/datasets/{dataset['id']}"
    nothing = await service.http.post(f"{url}/exclude", json={})
    assert (nothing.status_code, "rows, search or where" in nothing.text) == (422, True)
    missing = await service.http.post(f"{url}/exclude", json={"rows": [77]})
    assert (missing.status_code, missing.json()["field"]) == (422, "rows")
    for response in (
        await service.http.post(f"{url}/exclude", json={"where": "nosuch=1"}),
        await service.http.get(f"{url}/preview", params={"where": "nosuch=1"}),
    ):
        problem = response.json()
        assert (response.status_code, problem["field"], problem["limit"]) == (422, "where", ["topic"]), problem
        assert "'nosuch'" in problem["detail"]
    pointless = await service.http.post(f"{url}/exclude", json={"rows": [1], "split": "test"})
    assert (pointless.status_code, pointless.json()["field"]) == (422, "split")
    itself = await service.http.get(f"{url}/diff", params={"before": dataset["version"]})
    assert (itself.status_code, itself.json()["field"]) == (422, "before")
    unknown = await service.http.get(f"{url}/diff", params={"before": "0" * 16})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "version")


async def test_equal_refused_edits_are_not_answered_as_missing(service: RunningService) -> None:
    dataset = await upload(service, "refused twice", pairs(6))
    url = f"/datasets/{dataset['id']}"
    answers = await asyncio.gather(*(service.http.post(f"{url}/exclude", json={"rows": [99]}) for _ in range(4)))
    assert {(answer.status_code, answer.json()["field"]) for answer in answers} <= {(422, "rows"), (409, "name")}
    after = (await service.http.get(url)).json()
    assert (after["state"], after["versions"]) == ("ready", dataset["versions"])


async def test_an_edit_that_takes_the_place_of_another_one_says_so(service: RunningService) -> None:
    dataset = await upload(service, "edited twice", pairs(8))
    url, first = f"/datasets/{dataset['id']}", dataset["version"]
    one = await ready(service, await service.http.post(f"{url}/exclude", json={"rows": [1], "version": first}))
    assert one["report"]["warnings"] == dataset["report"]["warnings"]
    other = await ready(service, await service.http.post(f"{url}/exclude", json={"rows": [2], "version": first}))
    (warning,) = (w for w in other["report"]["warnings"] if w["code"] == "made_from_another_version")
    assert first in warning["detail"]
    assert one["version"] in warning["detail"]
