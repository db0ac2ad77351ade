"""Results and samples that lm-eval 0.4.13 wrote for seedling and a model tuned from it, imported as evaluations."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.evaluation.app import build
from services.evaluation.imports import samples as samples_module
from shared.events.evaluation import EvaluationCompleted
from tests.support.running_service import RunningService, open_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNS = Path(__file__).parents[1] / "support" / "lm_eval"
TASKS = ("shop_answer", "shop_choice", "shop_words")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    async with open_service(build, tmp_path_factory.mktemp("lm-eval-import")) as service:
        await service.publish_models()
        yield service


def written(run: str, task: str) -> tuple[bytes, bytes]:
    """What lm-eval wrote of a task: results and samples."""
    (results,), (samples,) = (RUNS / run).glob("results_*.json"), (RUNS / run).glob(f"samples_{task}_*.jsonl")
    return results.read_bytes(), samples.read_bytes()


async def post(service: RunningService, task: str, results: bytes, samples: bytes, **fields: str) -> httpx.Response:
    files = {"results": ("results.json", results), "samples": (f"samples_{task}.jsonl", samples)}
    data = {"model": "model_tuned", "task": task, **fields}
    return await service.http.post("/evaluations/import", files=files, data=data)


async def imported(service: RunningService, run: str, task: str, **fields: str) -> dict[str, Any]:
    response = await post(service, task, *written(run, task), **fields)
    assert response.status_code in (200, 201), response.text
    found: dict[str, Any] = response.json()
    return found


async def total(service: RunningService) -> int:
    return len((await service.http.get("/evaluations?limit=200")).json()["items"])


@pytest.mark.parametrize("task", TASKS)
async def test_scores_are_those_of_lm_eval_and_stored_once(service: RunningService, task: str) -> None:
    before = await total(service)
    planned = await imported(service, "base", task, dry_run="true")
    assert await total(service) == before
    made = await imported(service, "base", task)
    assert (await service.next_event(EvaluationCompleted))["evaluation_id"] == made["id"] == planned["id"]
    results, lines = written("base", task)
    reported = json.loads(results)
    expected = {
        name.removesuffix(",none"): score
        for name, score in reported["results"][task].items()
        if "," in name and "_stderr" not in name and "brier" not in name
    }
    assert made["scores"] == pytest.approx(expected, rel=1e-9)
    assert made["intervals"].keys() == expected.keys()
    assert all(low <= made["scores"][name] <= high for name, (low, high) in made["intervals"].items())
    mark = {"source": "lm-eval", "version": "0.4.13", "task": task, "task_hash": reported["task_hashes"][task]}
    assert mark.items() <= made["imported"].items()
    assert (made["state"], made["dataset_id"], made["imported"]["num_fewshot"]) == ("succeeded", None, 0)
    left_out = [warning["detail"] for warning in made["warnings"] if warning["code"] == "score_not_imported"]
    reason = "brier_score is not imported: row 0 has a list and not a number."
    assert left_out == ([reason] if task == "shop_choice" else [])
    again = await post(service, task, results, lines)
    assert (again.status_code, again.json()["id"], await total(service)) == (200, made["id"], before + 1)
    assert (await service.http.get(f"/evaluations/{made['id']}")).json() == made
    score = next(iter(expected))
    page = (await service.http.get(f"/evaluations/{made['id']}/predictions?sort=-{score}")).json()
    assert page["total"] == made["evaluated"] == made["rows"]
    scores = [row["scores"][score] for row in page["items"]]
    assert scores == sorted(scores, reverse=True)


async def test_rows_show_choices_and_answers(service: RunningService) -> None:
    made = await imported(service, "base", "shop_choice")
    first, second = (await service.http.get(f"/evaluations/{made['id']}/predictions")).json()["items"][:2]
    assert first["prompt"] == [{"role": "user", "content": "Where is order 0?"}]
    assert (first["reference"], first["tuned"]) == ("It left today.", "We do not know.")
    assert (first["scores"]["acc"], second["scores"]["acc"]) == (0, 1)
    assert first["source"] == "samples_shop_choice.jsonl:1"
    words = (await imported(service, "base", "shop_words"))["samples"][0]
    assert (words["prompt"], words["tuned"], words["reference"][:7]) == ([], None, "Order 0")


async def test_files_are_the_evaluation_of_one_model(service: RunningService) -> None:
    made, before = await imported(service, "tuned", "shop_choice"), await total(service)
    for dry_run in ("true", "false"):
        fields = {"model": "tiny", "dry_run": dry_run}
        refused = (await post(service, "shop_choice", *written("tuned", "shop_choice"), **fields)).json()
        assert (refused["code"], refused["field"], refused["limit"]) == ("wrong_model", "model", "model_tuned")
        assert f"already the evaluation {made['id']} of the model model_tuned, and not of tiny" in refused["detail"]
    assert await total(service) == before


async def test_models_are_compared_on_the_same_task_in_the_right_direction(service: RunningService) -> None:
    results, samples = written("base", "shop_words")
    base = (await post(service, "shop_words", results + b"\n", samples, model="tiny")).json()  # of another run
    tuned = await imported(service, "tuned", "shop_words")
    assert (base["model_id"], tuned["model_id"]) == ("tiny", "model_tuned")
    ids = f"{base['id']},{tuned['id']}"
    found = (await service.http.get("/evaluations/compare", params={"ids": ids})).json()
    assert (found["dataset_id"], found["imported"]["task"], found["rows"]) == (None, "shop_words", 8)
    boards = {board["metric"]: board for board in found["leaderboards"]}
    assert boards.keys() == {"word_perplexity", "byte_perplexity", "bits_per_byte"}
    for name, board in boards.items():
        assert board["lower_is_better"]
        best = board["entries"][0]
        assert (best["model_id"], best["comparison"]["verdict"]) == ("model_tuned", "better"), name
        assert best["score"] == tuned["scores"][name] < base["scores"][name]
    changed = {"baseline": base["id"], "candidate": tuned["id"], "metric": "bits_per_byte", "change": "better"}
    rows = (await service.http.get("/evaluations/compare/rows", params=changed)).json()
    assert rows["counts"] == {"better": 8, "worse": 0, "same": 0}
    report = (await service.http.get("/evaluations/compare", params={"ids": ids, "format": "markdown"})).text
    assert "of the lm-eval task shop_words" in report
    other = await imported(service, "tuned", "shop_choice")
    refused = (await service.http.get("/evaluations/compare", params={"ids": f"{ids},{other['id']}"})).json()
    assert (refused["code"], refused["field"], refused["limit"]) == ("evaluations_not_comparable", "task", "shop_words")


def line(content: bytes, number: int, **changes: Any) -> bytes:
    """The samples with other values in a line."""
    lines = content.splitlines(keepends=True)
    lines[number] = json.dumps(json.loads(lines[number]) | changes).encode() + b"\n"
    return b"".join(lines)


Damage = Callable[[bytes, bytes], tuple[bytes, bytes]]
DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "results cut off": (lambda r, s: (r[:-9], s), "results", "no JSON"),
    "no results": (lambda _, s: (b'{"results": {}}', s), "results", "missing"),
    "a task without results": (
        lambda r, s: (json.dumps(json.loads(r) | {"results": {"shop_words": {}}}).encode(), s), "task", "no task"
    ),
    "a list": (lambda _, s: (b"[]", s), "results", "missing"),
    "deep": (lambda _, s: (b"[" * 100_000, s), "results", "no JSON"),
    "samples cut off": (lambda r, s: (r, s[:-9]), "samples", "samples_shop_choice.jsonl:6 is no JSON"),
    "samples empty": (lambda r, _: (r, b"\n"), "samples", "empty"),
    "a row is missing": (
        lambda r, s: (r, b"".join(s.splitlines(keepends=True)[1:])), "samples", "5 rows of shop_choice"
    ),
    "a row comes twice": (
        lambda r, s: (r, s + s), "samples", "samples_shop_choice.jsonl:7 has row 0 again"
    ),
    "another row": (lambda r, s: (r, line(s, 2, target_hash="0")), "samples", "hash of shop_choice"),
    "a score is changed": (lambda r, s: (r, line(s, 2, acc=1.0)), "samples", "the samples give 0.5"),
    "NaN": (lambda r, s: (r, line(s, 1, acc=float("nan"), acc_norm=[])), "samples", "row 1 has NaN"),
    "no number": (lambda r, s: (r, line(s, 1, acc=10**400, acc_norm="1")), "samples", "not a number"),
    "half a character": (lambda r, s: (r, line(s, 1, target="\ud800")), "samples", ":2 is no JSON"),
    "no row": (lambda r, s: (r, line(s, 1, doc_id="x")), "samples", ":2 is no sample of lm-eval: doc_id"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
async def test_files_that_are_damaged_are_refused_by_name(service: RunningService, damage: str) -> None:
    before, (change, field, detail) = await total(service), DAMAGES[damage]
    refused = await post(service, "shop_choice", *change(*written("base", "shop_choice")))
    assert refused.status_code == 422, refused.text
    problem = refused.json()
    assert (problem["code"], problem["field"]) == ("unreadable_import", field)
    assert detail in problem["detail"]
    assert await total(service) == before


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"task": "shop"}, 422, "task"),
        ({"task": "mmlu"}, 422, "task"),
        ({"model": "model_none"}, 404, "model"),
        ({"model": ""}, 422, "model"),
        ({"dry_run": "perhaps"}, 422, "dry_run"),
        ({"more": "x"}, 422, "more"),
    ],
)
async def test_fields_that_name_nothing_are_refused(
    service: RunningService, fields: dict[str, str], status: int, field: str
) -> None:
    files = dict(zip(("results", "samples"), written("base", "shop_choice"), strict=True))
    data = {"model": "model_tuned", "task": "shop_choice", **fields}
    refused = await service.http.post("/evaluations/import", files=files, data=data)
    assert (refused.status_code, refused.json()["field"]) == (status, field), refused.text


async def test_results_of_another_model_are_refused(service: RunningService) -> None:
    results, samples = written("base", "shop_choice")
    refused = await post(service, "shop_choice", results.replace(b'"model": "seedling"', b'"model": "tiny"'), samples)
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (422, "wrong_model", "tiny")


async def test_a_form_without_samples_and_too_many_rows_are_refused(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, samples = written("base", "shop_choice")
    fields = {"model": "model_tuned", "task": "shop_choice"}
    incomplete = await service.http.post("/evaluations/import", data=fields, files={"results": results})
    assert incomplete.json()["field"] == "samples"
    monkeypatch.setattr(samples_module, "MAX_ROWS", 5)
    refused = (await post(service, "shop_choice", results + b"\n", samples)).json()
    assert (refused["field"], refused["limit"]) == ("samples", 5)
    monkeypatch.setattr(samples_module, "MAX_LINE", 100)
    refused = (await post(service, "shop_choice", results + b"\n", samples)).json()
    assert (refused["detail"], refused["limit"]) == ("samples_shop_choice.jsonl:1 is too long.", 100)


async def test_equal_imports_at_once_give_one_evaluation(service: RunningService) -> None:
    before, (results, samples) = await total(service), written("base", "shop_answer")
    answers = await asyncio.gather(*(post(service, "shop_answer", results + b"\n\n", samples) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert await total(service) == before + 1
