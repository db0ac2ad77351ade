"""What the Documents port promises, sentence by sentence."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from shared.documents import Collection, Documents, Index
from shared.runtime.errors import Conflict

JOBS = "training.jobs"
MISSING = object()
VALUES = [MISSING, None, False, True, 0, 1, 1.0, 1.5, -3, 2**40, "", "1", "a", "b", "é", "null", '{"x":1}', {"x": 1}]
OPERANDS = [None, False, True, 0, 1, 1.5, "", "1", "a", "null", '{"x":1}']


@pytest.fixture
async def jobs(documents: Documents) -> Collection:
    return await documents.collection(JOBS)


def job(id: str, version: int = 1, **fields: Any) -> dict[str, Any]:
    return {"_id": id, "version": version, **fields}


async def ids(collection: Collection, where: dict[str, Any], **options: Any) -> list[str]:
    return [document["_id"] for document in await collection.find(where, **options)]


async def test_get_returns_the_stored_document(jobs: Collection) -> None:
    document = job(
        "a", text="naïve \u2028 \"quoted\" \\ 'x'", nested={"list": [1, None, {"k": 1.5}], "none": None}, t=True
    )
    assert await jobs.insert(document)
    assert await jobs.get("a") == document
    assert (await jobs.get("a"))["t"] is True
    assert await jobs.get("b") is None


async def test_non_json_values_are_refused(jobs: Collection) -> None:
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            await jobs.insert(job("a", value=value))
    assert await jobs.get("a") is None


async def test_insert_does_not_overwrite(jobs: Collection) -> None:
    assert await jobs.insert(job("a", name="first"))
    assert not await jobs.insert(job("a", name="second"))
    assert (await jobs.get("a"))["name"] == "first"


async def test_one_of_concurrent_inserts_wins(jobs: Collection) -> None:
    won = await asyncio.gather(*(jobs.insert(job("a", by=number)) for number in range(50)))
    assert won.count(True) == 1
    assert (await jobs.get("a"))["by"] == won.index(True)


async def test_replace_compares_the_version(jobs: Collection) -> None:
    await jobs.insert(job("a", old=True))
    assert not await jobs.replace(job("a", 3), version=2)
    assert await jobs.replace(job("a", 2, new=True), version=1)
    assert await jobs.get("a") == job("a", 2, new=True)
    assert not await jobs.replace(job("a", 2), version=1)
    assert not await jobs.replace(job("gone", 2), version=1)


async def test_fifty_concurrent_clients_lose_no_update(jobs: Collection) -> None:
    await jobs.insert(job("a", count=0, by=[]))

    async def add(client: int) -> None:
        while True:
            document = await jobs.get("a")
            changed = {**document, "version": document["version"] + 1, "by": [*document["by"], client]}
            changed["count"] += 1
            if await jobs.replace(changed, version=document["version"]):
                return

    await asyncio.gather(*(add(client) for client in range(50)))
    document = await jobs.get("a")
    assert (document["count"], document["version"], sorted(document["by"])) == (50, 51, list(range(50)))


async def test_patch_writes_dotted_paths_and_keeps_the_version(jobs: Collection) -> None:
    await jobs.insert(job("a", state="queued", lease={"token": 1}))
    changed = await jobs.patch(
        "a",
        {"lease.token": 1},
        set={"lease.owner": "w-1", "outbox.6f-1d.data": {"x": [1]}, "state": None},
        inc={"beat": 2},
    )
    expected = job("a", state=None, lease={"token": 1, "owner": "w-1"}, outbox={"6f-1d": {"data": {"x": [1]}}}, beat=2)
    assert changed == expected == await jobs.get("a")


async def test_patch_that_does_not_match_changes_nothing(jobs: Collection) -> None:
    await jobs.insert(job("a", token=2))
    assert await jobs.patch("a", {"token": 1}, set={"x": 1}) is None
    assert await jobs.patch("b", {}, set={"x": 1}) is None
    assert await jobs.get("a") == job("a", token=2)


async def test_concurrent_increments_add_up(jobs: Collection) -> None:
    await jobs.insert(job("a"))
    seen = await asyncio.gather(*(jobs.patch("a", {}, inc={"lease.beat": 1}) for _ in range(100)))
    assert sorted(document["lease"]["beat"] for document in seen if document) == list(range(1, 101))


async def test_one_of_concurrent_filtered_patches_wins(jobs: Collection) -> None:
    await jobs.insert(job("a", owner=None))
    seen = await asyncio.gather(*(jobs.patch("a", {"owner": None}, set={"owner": n}) for n in range(50)))
    winners = [document for document in seen if document]
    assert winners == [await jobs.get("a")]


@pytest.mark.parametrize("parent", [None, 1, "text"])
async def test_patch_below_a_non_object_changes_nothing(jobs: Collection, parent: Any) -> None:
    await jobs.insert(job("a", parent=parent))
    with pytest.raises(Exception, match="parent"):
        await jobs.patch("a", {}, set={"other": 1, "parent.child": 1})
    assert await jobs.get("a") == job("a", parent=parent)


@pytest.mark.parametrize("field", ["_id", "version"])
async def test_patch_of_id_or_version_is_refused(jobs: Collection, field: str) -> None:
    await jobs.insert(job("a"))
    with pytest.raises(ValueError, match="version"):
        await jobs.patch("a", {}, set={field: 5})


async def test_filters_agree_for_every_pair_of_types(jobs: Collection) -> None:
    for number, value in enumerate(VALUES):
        await jobs.insert(job(f"{number:02}", **({} if value is MISSING else {"spec": {"value": value}})))
    for operand in OPERANDS:
        for operator in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"):
            if operand is None and operator not in ("$eq", "$ne"):
                continue
            where = {"spec.value": operand if operator == "$eq" else {operator: operand}}
            expected = [f"{n:02}" for n, value in enumerate(VALUES) if _matches(value, operator, operand)]
            assert await ids(jobs, where) == expected, where
            assert await jobs.count(where) == len(expected)


def _matches(value: Any, operator: str, operand: Any) -> bool:
    """MongoDB's meaning: types are brackets, and missing is null."""
    value = None if value is MISSING else value
    kind = {bool: "bool", int: "number", float: "number", str: "string", type(None): "null", dict: "object"}
    comparable = kind[type(value)] == kind[type(operand)]
    if operator in ("$eq", "$ne"):
        return (comparable and value == operand) == (operator == "$eq")
    if not comparable:
        return False
    return {"$gt": value > operand, "$gte": value >= operand, "$lt": value < operand, "$lte": value <= operand}[
        operator
    ]


SAME_TYPE: list[list[Any]] = [[0, 1, 1.0, 1.5, -3, 2**40], ["", "1", "a", "b", "é", "null"], [True, False]]


@pytest.mark.parametrize("values", SAME_TYPE, ids=["numbers", "strings", "booleans"])
async def test_filters_within_one_type(jobs: Collection, values: list[Any]) -> None:
    for number, value in enumerate(values):
        await jobs.insert(job(f"{number:02}", spec={"value": value}))
    for operand in values:
        for operator in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"):
            where = {"spec.value": operand if operator == "$eq" else {operator: operand}}
            expected = [f"{n:02}" for n, value in enumerate(values) if _matches(value, operator, operand)]
            assert await ids(jobs, where) == expected, where
            assert await jobs.count(where) == len(expected)


async def test_null_is_found_as_null(jobs: Collection) -> None:
    for id, at in {"a": None, "b": "2026"}.items():
        await jobs.insert(job(id, at=at))
    assert await ids(jobs, {"at": None}) == ["a"]
    assert await ids(jobs, {"at": {"$ne": None}}) == ["b"]
    assert await ids(jobs, {"at": {"$lt": "2027"}}) == ["b"]
    assert [await jobs.count({"at": None}), await jobs.count({"at": {"$ne": None}})] == [1, 1]


async def test_missing_field_counts_as_null(jobs: Collection) -> None:
    await jobs.insert(job("a", at=None))
    await jobs.insert(job("b"))
    assert await ids(jobs, {"at": None}) == ["a", "b"]
    assert await ids(jobs, {"at": {"$ne": None}}) == []
    assert await jobs.count({"at": None}) == 2


async def test_in_operator_accepts_mixed_types(jobs: Collection) -> None:
    for id, fields in {
        "a": {"s": "x"},
        "b": {"s": 1},
        "c": {"s": True},
        "d": {"s": None},
        "e": {},
        "f": {"s": "1"},
    }.items():
        await jobs.insert(job(id, **fields))
    assert await ids(jobs, {"s": {"$in": ["x", 1]}}) == ["a", "b"]
    assert await ids(jobs, {"s": {"$in": [True, None]}}) == ["c", "d", "e"]
    assert await ids(jobs, {"s": {"$in": []}}) == []


async def test_conditions_are_combined_by_and(jobs: Collection) -> None:
    for number in range(6):
        await jobs.insert(job(str(number), number=number, state="queued" if number % 2 else "done"))
    assert await ids(jobs, {"number": {"$gte": 1, "$lt": 5, "$ne": 3}, "state": "queued"}) == ["1"]
    assert await ids(jobs, {"_id": {"$in": ["0", "3", "x"]}}) == ["0", "3"]
    assert await ids(jobs, {"version": 1, "_id": {"$gt": "3"}}) == ["4", "5"]
    assert await ids(jobs, {"version": "1"}) == []


@pytest.mark.parametrize("where", [{"a": [1]}, {"a": {"$near": 1}}, {"a": {"$gt": None}}, {"a": {"b": 1}}])
async def test_unsupported_filters_are_refused(jobs: Collection, where: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"filters compare|unknown operator"):
        await jobs.find(where)


@pytest.mark.parametrize("field", ["a.", "", "a..b", "$a", 'a"b', "a\\b", "x') OR 1=1 --\""])
async def test_field_names_cannot_inject_sql(jobs: Collection, field: str) -> None:
    with pytest.raises(ValueError, match="field path"):
        await jobs.find({field: 1})


async def test_field_names_can_contain_dashes_and_digits(jobs: Collection) -> None:
    await jobs.insert(job("a", **{"dash-ed": {"6f_1": 2}}))
    assert await ids(jobs, {"dash-ed.6f_1": 2}) == ["a"]
    assert await ids(jobs, {"dash-ed.6f_2": 2}) == []


async def test_field_names_can_contain_any_letter(jobs: Collection) -> None:
    await jobs.insert(job("a", **{"it's": 1, "dash-ed": {"é 1": 2}}))
    assert await ids(jobs, {"it's": 1, "dash-ed.é 1": 2}) == ["a"]
    assert await ids(jobs, {"x') OR 1=1 --": 1}) == []


async def test_find_orders_limits_and_skips(jobs: Collection) -> None:
    for id, priority, created in [("d", 1, 3), ("a", 1, 3), ("b", 2, 9), ("c", 2, 1), ("e", None, 5)]:
        await jobs.insert(job(id, priority=priority, created=created))
    order = [("priority", -1), ("created", 1)]
    assert await ids(jobs, {}, order=order) == ["c", "b", "a", "d", "e"]
    assert await ids(jobs, {}, order=order, limit=2, skip=1) == ["b", "a"]
    assert await ids(jobs, {}, order=[("priority", 1)], limit=1) == ["e"]
    assert await ids(jobs, {}, skip=3) == ["d", "e"]
    assert await ids(jobs, {}, limit=0) == []
    assert await ids(jobs, {}, order=[("_id", -1)], limit=2) == ["e", "d"]


async def test_delete_applies_its_filter(jobs: Collection) -> None:
    await jobs.insert(job("a", pending=1))
    assert not await jobs.delete("a", {"pending": 0})
    assert await jobs.delete("a", {"pending": 1})
    assert not await jobs.delete("a")
    assert await jobs.count({}) == 0


@pytest.fixture
async def named(documents: Documents) -> Collection:
    """A collection in which project and name are unique together; two documents share a name, not the project."""
    jobs = await documents.collection(JOBS, [Index(("project", "name"), unique=True)])
    assert await jobs.insert(job("a", project="p", name="x"))
    assert await jobs.insert(job("b", project="q", name="x"))
    return jobs


async def test_a_unique_index_holds_for_inserts(named: Collection) -> None:
    assert not await named.insert(job("c", project="p", name="x"))
    assert await named.get("c") is None


async def test_a_unique_index_holds_for_replacements(named: Collection) -> None:
    with pytest.raises(Conflict):
        await named.replace(job("b", 2, project="p", name="x"), version=1)
    assert await named.get("b") == job("b", project="q", name="x")


async def test_a_unique_index_holds_for_patches(named: Collection) -> None:
    with pytest.raises(Conflict):
        await named.patch("b", {}, set={"project": "p"})
    assert await named.get("b") == job("b", project="q", name="x")


async def test_one_of_many_claims_of_a_unique_value_wins(documents: Documents) -> None:
    jobs = await documents.collection(JOBS, [Index(("name",), unique=True)])
    won = await asyncio.gather(*(jobs.insert(job(str(number), name="x")) for number in range(50)))
    assert Counter(won) == {True: 1, False: 49}


async def test_unique_index_treats_nulls_as_equal(documents: Documents) -> None:
    jobs = await documents.collection(JOBS, [Index(("name",), unique=True)])
    assert await jobs.insert(job("a"))
    assert not await jobs.insert(job("b", name=None))
    assert await jobs.insert(job("c", name="null"))


async def test_collections_are_separate(documents: Documents) -> None:
    jobs, runs = await documents.collection(JOBS), await documents.collection("export.runs")
    await jobs.insert(job("a"))
    assert await runs.get("a") is None
    assert await (await documents.collection(JOBS)).count({}) == 1


async def test_ping_answers(documents: Documents) -> None:
    await documents.ping()


async def test_writes_in_progress_survive_closing(documents_place: Any) -> None:
    jobs = await (await documents_place.open()).collection(JOBS, [Index(("state",))])
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(jobs.insert(job(str(number), state="queued")))
    jobs = await (await documents_place.open()).collection(JOBS, [Index(("state",))])
    assert await jobs.count({"state": "queued"}) == 100


WRITER = """
import asyncio, sys, itertools
from pathlib import Path
from tests.contracts.adapters import DOCUMENTS

async def main():
    documents = await DOCUMENTS[sys.argv[1]](Path(sys.argv[2]))
    jobs = await documents.collection("training.jobs")
    numbers = itertools.count()
    async def write():
        for number in numbers:
            await jobs.insert({"_id": str(number), "version": 1})
            await jobs.patch(str(number), {}, set={"patched": True})
            print(number)
    await asyncio.gather(*(write() for _ in range(8)))

asyncio.run(main())
"""


async def test_acknowledged_writes_survive_a_kill(documents_place: Any, kill_after: Any) -> None:
    acknowledged = await asyncio.to_thread(kill_after, 300, WRITER, documents_place)
    jobs = await (await documents_place.open()).collection(JOBS)
    kept = {document["_id"] for document in await jobs.find({"patched": True})}
    assert len(acknowledged) >= 300
    assert set(acknowledged) <= kept
