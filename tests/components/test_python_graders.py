"""Python graders over HTTP: off, refused by name; on, in a run and by the graders API."""

import asyncio
from pathlib import Path
from typing import Any

from services.evaluation.app import build
from shared.events.aliases import AliasCandidateEvaluated, AliasCandidateSubmitted
from shared.events.envelope import Envelope
from tests.components.test_evals import CONFIG, QUESTION, WAIT_S, ended, items, publish, run
from tests.support.running_service import open_service

LENGTH = "def grade(sample, item):\n    return len(sample['output_text']) / item['length']\n"
GRADER = {"type": "python", "name": "length", "source": LENGTH}
GRADERS = "/v1/fine_tuning/alpha/graders"
SCHEMA = {"type": "object", "properties": {"length": {"type": "integer"}, "file": {"type": "string"}}}


def body(*criteria: dict[str, Any]) -> dict[str, Any]:
    return {"data_source_config": {**CONFIG, "item_schema": SCHEMA}, "testing_criteria": list(criteria)}


async def test_off_they_are_refused_by_name_wherever_they_are(tmp_path: Path) -> None:
    multi = {"type": "multi", "name": "m", "graders": {"length": GRADER}, "calculate_output": "length"}
    async with open_service(build, tmp_path) as service:
        for path, sent, param in (
            ("/v1/evals", body(GRADER), "testing_criteria.0.type"),
            (f"{GRADERS}/validate", {"grader": GRADER}, "grader.type"),
            (f"{GRADERS}/run", {"grader": multi, "model_sample": "x", "item": {}}, "grader.type"),
        ):
            error = (await service.http.post(path, json=sent)).json()["error"]
            assert (error["code"], error["param"]) == ("unsupported_parameter", param)
            assert "ANNEAL_PYTHON_GRADERS" in error["remedy"]


async def test_forbidden_later_they_fail_the_candidates_of_a_suite(tmp_path: Path) -> None:
    async with open_service(build, tmp_path, python_graders=True) as service:
        created = (await service.http.post("/v1/evals", json=body(GRADER))).json()
    async with open_service(build, tmp_path) as service:
        source = {"source": {"type": "file_content", "content": [{"item": {"length": 1}}]}, "input_messages": QUESTION}
        suite = {"eval_id": created["id"], "data_source": {"type": "completions", **source}}
        suite["thresholds"] = {"length": {"min_mean": -4}}
        fields = {"candidate_id": "candidate_1", "round": 1, "alias": "bot", "model_id": "m", "current_model_id": None}
        evaluated: asyncio.Queue[Envelope] = asyncio.Queue()
        await service.resources.bus.subscribe("inference", AliasCandidateEvaluated.type, evaluated.put)
        await publish(service, AliasCandidateSubmitted.model_validate({**fields, "suite": suite}))
        event = (await asyncio.wait_for(evaluated.get(), WAIT_S)).data
        assert (event["state"], event["run_id"]) == ("failed", None)
        assert "eval.testing_criteria.0.type: Graders that run Python are not allowed" in event["detail"]


async def test_on_they_grade_rows_and_read_nothing_of_the_platform(tmp_path: Path) -> None:
    reading = {
        "type": "python",
        "name": "reads",
        "source": "def grade(sample, item):\n    open(item['file']); return 1",
    }
    async with open_service(build, tmp_path, python_graders=True) as service:
        image = await service.http.post(f"{GRADERS}/validate", json={"grader": {**GRADER, "image_tag": "x"}})
        assert image.json()["error"]["code"] == "unsupported_parameter"
        assert (await service.http.post(f"{GRADERS}/validate", json={"grader": GRADER})).json()["grader"] == GRADER
        found = (
            await service.http.post(
                f"{GRADERS}/run", json={"grader": GRADER, "model_sample": "four", "item": {"length": 8}}
            )
        ).json()
        assert found["reward"] == 0.5
        created = (await service.http.post("/v1/evals", json=body({**GRADER, "pass_threshold": 0.5}, reading))).json()
        secret = str(service.folder / "home" / "secret")
        rows = [{"item": {"length": n, "file": secret}, "sample": {"output_text": "four"}} for n in (8, 9, 0)]
        source = {"type": "file_content", "content": rows}
        done = await ended(service, await run(service, created["id"], type="jsonl", source=source))
        results = {item["datasource_item_id"]: item["results"] for item in await items(service, done)}
        assert done["result_counts"] == {"total": 3, "passed": 0, "failed": 0, "errored": 3}
        assert [results[n][0]["passed"] for n in range(3)] == [True, False, False]
        assert "ZeroDivisionError" in results[2][0]["error"]["message"]
        assert all("PermissionError" in results[n][1]["error"]["message"] for n in range(3))
