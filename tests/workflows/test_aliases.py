"""An alias over its life: a better candidate is promoted, a worse one refused with rows, and a rollback, under load."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import cli
from tests.support.tiny_model import make_tiny_model
from tests.workflows.conftest import Embedded

ROWS, CLIENTS = 24, 20
GREEDY = {"temperature": 0, "max_tokens": 8}


def question(number: int) -> str:
    return f"Where is order {number}?"


def ask(platform: Embedded, model: str, number: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": question(number)}]
    return platform.post("/v1/chat/completions", {"model": model, "messages": messages, **GREEDY})  # type: ignore[no-any-return]


def text(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def suite_for(platform: Embedded, model: str = "seedling") -> dict[str, Any]:
    """An eval whose ideal answers are the model's own."""
    schema = {name: {"type": "string"} for name in ("question", "ideal", "parity")}
    check = {
        "type": "text_similarity",
        "name": "like",
        "evaluation_metric": "fuzzy_match",
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.ideal }}",
        "pass_threshold": 0.8,
    }
    config = {
        "type": "custom",
        "item_schema": {"type": "object", "properties": schema, "required": [*schema]},
        "include_sample_schema": True,
    }
    made = platform.post("/v1/evals", {"data_source_config": config, "testing_criteria": [check]})
    with ThreadPoolExecutor(8) as pool:
        ideals = [text(answer) for answer in pool.map(lambda n: ask(platform, model, n), range(ROWS))]
    items = [
        {"question": question(n), "ideal": ideal, "parity": "odd" if n % 2 else "even"}
        for n, ideal in enumerate(ideals)
    ]
    return {
        "eval_id": made["id"],
        "data_source": {
            "type": "completions",
            "source": {"type": "file_content", "content": [{"item": item} for item in items]},
            "input_messages": {"type": "template", "template": [{"role": "user", "content": "{{ item.question }}"}]},
            "sampling_params": {"temperature": 0, "max_completion_tokens": GREEDY["max_tokens"]},
        },
        "thresholds": {"like": {"min_mean": 0.7}},
        "max_regression": 0.05,
        "slice_by": "parity",
    }


@contextmanager
def busy(platform: Embedded) -> Iterator[list[str]]:
    """20 clients that chat with the alias one request after the other; yields their answers. None may fail."""
    stopped, answers = threading.Event(), list[str]()
    numbers = itertools.count()

    def chat() -> None:
        while not stopped.is_set():
            answers.append(text(ask(platform, "support-bot", next(numbers) % ROWS)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(chat) for _ in range(CLIENTS)]
        try:
            yield answers
        finally:
            stopped.set()
        for client in clients:
            client.result()


def test_an_alias_moves_to_a_better_model_and_back(embedded: Embedded, tmp_path: Path) -> None:
    first, worse = (
        embedded.post("/models/base", {"path": str(make_tiny_model(tmp_path / f"tiny-{seed}", seed=seed))})["id"]
        for seed in (1, 2)
    )
    suite = suite_for(embedded)
    created = embedded.post("/aliases", {"name": "support-bot", "model": first, "suite": suite})
    assert "support-bot" in {model["id"] for model in embedded.get("/v1/models")["data"]}
    before = text(ask(embedded, "support-bot", 0))
    assert before == text(ask(embedded, first, 0)) != text(ask(embedded, "seedling", 0))

    def decided(model: str) -> dict[str, Any]:
        submitted = embedded.post("/aliases/support-bot/candidates", {"model": model})
        path = f"/aliases/support-bot/candidates/{submitted['id']}"
        return embedded.until(path, lambda found: found["state"] != "evaluating")  # type: ignore[no-any-return]

    better = decided("seedling")
    assert better["state"] == "passed", better["reasons"]
    (grader,) = better["outcome"]["graders"]
    assert grader["low"] > 0
    assert (grader["rows"], grader["paired_rows"]) == (ROWS, ROWS)
    assert [part["rows"] for part in better["outcome"]["slices"]] == [ROWS // 2, ROWS // 2]

    with busy(embedded) as answers:
        path = f"/aliases/support-bot/candidates/{better['id']}/promote"
        assert embedded.post(path, {"reason": "better"})["state"] == "promoted"
        assert text(ask(embedded, "support-bot", 0)) != before
        started = time.perf_counter()
        assert embedded.post("/aliases/support-bot/rollback", {})["model_id"] == first
        seconds = time.perf_counter() - started
        assert text(ask(embedded, "support-bot", 0)) == before
    print(f"rollback beside {CLIENTS} chats: {seconds:.3f} s; {len(answers)} requests, none lost")

    def run(*command: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["alias", *command], env={"ANNEAL_HOME": str(embedded.home), "COLUMNS": "200"})
        assert result.exit_code == exit_code, result.output
        return result.output

    embedded.post("/aliases", {"name": "best", "model": "seedling", "suite": suite})
    refused = json.loads(run("candidate", "best", worse, "--json", exit_code=1))
    assert refused["state"] == "refused"
    assert any("may be lower than the current model's" in reason for reason in refused["reasons"])
    row = refused["outcome"]["rows"][0]
    assert row["score"] < row["current_score"]
    items = f"/v1/evals/{suite['eval_id']}/runs/{refused['run_id']}/output_items/{row['item_id']}"
    assert embedded.get(items)["datasource_item_id"] == row["number"]
    response = embedded.http.post(f"/aliases/best/candidates/{refused['id']}/promote", json={})
    assert (response.status_code, response.json()["code"]) == (409, "candidate_not_passed")
    assert embedded.get("/aliases/best")["model_id"] == "seedling"
    assert embedded.http.delete(f"/models/base/{first}").status_code == 409, "an alias points at it"
    for body, field in (({"after": ["alias:absent"]}, "after"), ({"name": "best"}, "name")):
        response = embedded.http.post("/training/jobs", json={"dataset": "absent", **body})
        assert (response.status_code, response.json()["field"]) == (422, field), response.text
    response = embedded.http.post("/training/jobs", json={"dataset": "absent", "after": ["alias:best"]})
    assert (response.status_code, response.json()["field"]) == (404, "dataset"), response.text
    assert "rolled back" in run("show", "support-bot")
    events = [line["action"] for line in embedded.get("/audit", resource=created["id"])["items"]]
    assert {"alias.promoted.v1", "alias.rolled_back.v1"} <= {*events}
    for name in ("support-bot", "best"):
        run("delete", name)
        assert embedded.http.get(f"/aliases/{name}").status_code == 404
    for model in (first, worse):
        assert embedded.http.delete(f"/models/base/{model}").is_success
