"""OpenAI's evals and graders with the official client against the running platform, as a user's script has them."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from typer.testing import CliRunner

from cli.main import cli
from tests.workflows.conftest import Embedded

GUIDE = Path(__file__).parents[2] / "docs/guides/evals.md"
CHECK: Any = {
    "type": "string_check",
    "name": "same",
    "operation": "ilike",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.ideal }}",
}
CONFIG: Any = {
    "type": "custom",
    "item_schema": {"type": "object", "properties": {"ideal": {"type": "string"}}, "required": ["ideal"]},
    "include_sample_schema": True,
}


@pytest.fixture
def client(embedded: Embedded) -> OpenAI:
    key = (embedded.home / "api-key").read_text().strip()
    return OpenAI(base_url=f"{embedded.http.base_url}/v1", api_key=key, max_retries=0)


def graded(*answers: str) -> Any:
    """A data source of answers that shall contain `yes`."""
    rows = [{"item": {"ideal": "yes"}, "sample": {"output_text": answer}} for answer in answers]
    return {"type": "jsonl", "source": {"type": "file_content", "content": rows}}


def ended(client: OpenAI, run: Any) -> Any:
    deadline = time.monotonic() + 120
    while run.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
        run = client.evals.runs.retrieve(run.id, eval_id=run.eval_id)
    return run


def require_type(shown: Any, *null: str) -> None:
    """Validate a response by its official type, which the client does not do; `null` is an error that did not occur."""
    fields = shown.to_dict()
    for path in null:
        *outer, last = path.split(".")
        holder = fields[outer[0]] if outer else fields
        assert holder[last] is None
        holder[last] = {"code": "", "message": ""}
    type(shown).model_validate(fields)


def test_the_script_of_the_guide(client: OpenAI) -> None:
    script = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)[0]
    env = {**os.environ, "OPENAI_BASE_URL": str(client.base_url), "OPENAI_API_KEY": client.api_key}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    status, *items, reward = done.stdout.splitlines()
    assert (status, reward, len(items)) == ("completed 2 None", "1.0", 2)
    assert all(item.startswith(("pass ", "fail ")) and "'polite'" in item for item in items), done.stdout
    made = client.evals.list(order="desc", limit=1).data[0]
    run = client.evals.runs.list(made.id).data[0]
    item = client.evals.runs.output_items.list(run.id, eval_id=made.id).data[0]
    assert [usage.invocation_count for usage in run.per_model_usage] == [4]
    require_type(made)
    require_type(run, "error")
    require_type(item, "sample.error")


def test_evals_runs_and_items_page_by_page(client: OpenAI) -> None:
    request: Any = {"data_source_config": CONFIG, "testing_criteria": [CHECK], "name": "Yes", "metadata": {"team": "a"}}
    once = {"Idempotency-Key": "once"}
    made = client.evals.create(**request, extra_headers=once)
    assert client.evals.create(**request, extra_headers=once).id == made.id
    with pytest.raises(openai.ConflictError):
        client.evals.create(**{**request, "name": "No"}, extra_headers=once)
    assert (made.object, made.name, made.metadata) == ("eval", "Yes", {"team": "a"})
    assert client.evals.update(made.id, name="Affirmative", metadata={"team": "b"}).name == "Affirmative"
    assert client.evals.retrieve(made.id).metadata == {"team": "b"}
    newest = client.evals.list(order="desc", order_by="updated_at", limit=1)
    assert (newest.data[0].id, newest.data[0].testing_criteria[0].name) == (made.id, "same")

    run, again = (
        client.evals.runs.create(made.id, name="first", data_source=graded("Yes.", "no", "YES"), extra_headers=once)
        for _ in range(2)
    )
    assert again.id == run.id
    assert (run.object, run.eval_id, run.name) == ("eval.run", made.id, "first")
    run = ended(client, run)
    assert (run.status, run.error) == ("completed", None)
    assert run.result_counts.model_dump() == {"total": 3, "passed": 2, "failed": 1, "errored": 0}
    assert [(r.testing_criteria, r.passed, r.failed) for r in run.per_testing_criteria_results] == [("same", 2, 1)]
    assert [each.id for each in client.evals.runs.list(made.id, status="completed")] == [run.id]
    assert client.evals.runs.list(made.id, status="failed").data == []

    items = list(client.evals.runs.output_items.list(run.id, eval_id=made.id, limit=1))
    assert [(item.datasource_item_id, item.status) for item in items] == [(0, "pass"), (1, "fail"), (2, "pass")]
    assert [item.sample.output[0].content for item in items] == ["Yes.", "no", "YES"]
    failed = client.evals.runs.output_items.list(run.id, eval_id=made.id, status="fail", order="desc")
    one = client.evals.runs.output_items.retrieve(failed.data[0].id, eval_id=made.id, run_id=run.id)
    assert (one.object, one.results[0].score, one.results[0].passed) == ("eval.run.output_item", 0.0, False)

    with pytest.raises(openai.ConflictError):
        client.evals.runs.cancel(run.id, eval_id=made.id)
    assert client.evals.runs.delete(run.id, eval_id=made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.output_items.list(run.id, eval_id=made.id)
    assert client.evals.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.retrieve(made.id)


LABEL: Any = {"type": "label_model", "name": "l", "model": "seedling", "input": [{"role": "user", "content": "?"}]}
SIMILAR: Any = {"type": "text_similarity", "name": "s", "input": "a", "reference": "a", "pass_threshold": 1}


@pytest.mark.parametrize(
    ("criterion", "config", "param"),
    [
        ({**CHECK, "reference": "{{ item.idael }}"}, {}, "testing_criteria.0"),
        ({**CHECK, "reference": "{{ answer }}"}, {}, "testing_criteria.0.reference"),
        (CHECK, {"include_sample_schema": False}, "testing_criteria.0"),
        (CHECK, {"item_schema": {"type": "object", "pattern": "x"}}, "data_source_config.item_schema.pattern"),
        (CHECK, {"type": "logs"}, "data_source_config.type"),
        ({**CHECK, "operation": "matches"}, {}, "testing_criteria.0.operation"),
        ({**SIMILAR, "evaluation_metric": "cosine"}, {}, "evaluation_metric"),
        (
            {"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"},
            {},
            "testing_criteria.0.type",
        ),
        ({**LABEL, "labels": ["a", "b"], "passing_labels": ["c"]}, {}, "passing_labels"),
    ],
)
def test_wrong_evals_raise_bad_request(client: OpenAI, criterion: Any, config: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.evals.create(data_source_config={**CONFIG, **config}, testing_criteria=[criterion])
    assert raised.value.param == param
    assert raised.value.body["remedy"]  # type: ignore[index]


def test_wrong_runs_raise_openais_exceptions(client: OpenAI) -> None:
    made = client.evals.create(data_source_config=CONFIG, testing_criteria=[CHECK])
    template = {"type": "template", "template": [{"role": "user", "content": "{{ item.ideal }}"}]}
    rows = {"type": "file_content", "content": [{"item": {"ideal": "yes"}}]}
    asked: Any = {"type": "completions", "model": "seedling", "source": rows, "input_messages": template}
    wrong: list[tuple[Any, type[openai.APIStatusError], str]] = [
        ({**asked, "model": "gpt-4o"}, openai.NotFoundError, "data_source.model"),
        ({**asked, "source": {"type": "file_id", "id": "file-1"}}, openai.NotFoundError, "data_source.source.id"),
        ({**asked, "source": {"type": "stored_completions"}}, openai.BadRequestError, "data_source.source.type"),
        ({**asked, "type": "responses"}, openai.BadRequestError, "data_source.type"),
        ({**asked, "sampling_params": {"tools": [{}]}}, openai.BadRequestError, "data_source.sampling_params.tools"),
        ({"type": "jsonl", "source": rows}, openai.BadRequestError, "data_source.source.content.0.sample"),
    ]
    for data_source, kind, param in wrong:
        with pytest.raises(kind) as raised:
            client.evals.runs.create(made.id, data_source=data_source)
        assert raised.value.param == param
    source: Any = {"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {"ideal": 1}}]}}
    with pytest.raises(openai.BadRequestError, match="is no string"):
        client.evals.runs.create(made.id, data_source=source)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.create("eval_none", data_source=asked)
    client.evals.delete(made.id)


def test_graders_are_validated_and_run(client: OpenAI) -> None:
    graders = client.fine_tuning.alpha.graders
    multi: Any = {
        "type": "multi",
        "name": "both",
        "graders": {"same": CHECK, "near": {**SIMILAR, "input": CHECK["input"], "evaluation_metric": "rouge_l"}},
        "calculate_output": "0.5 * same + 0.5 * near",
    }
    del multi["graders"]["near"]["pass_threshold"]
    multi["graders"]["near"]["reference"] = CHECK["reference"]
    assert graders.validate(grader=multi).grader is not None
    found = graders.run(grader=multi, item={"ideal": "red train"}, model_sample="a red train")
    assert (found.reward, found.sub_rewards) == (pytest.approx(0.9), {"same": 1.0, "near": pytest.approx(0.8)})
    assert not found.metadata.errors.formula_parse_error
    require_type(found)
    missing = graders.run(grader=CHECK, item={}, model_sample="yes")
    assert (missing.reward, missing.metadata.errors.invalid_variable_error) == (0.0, True)
    with pytest.raises(openai.BadRequestError, match="There is no grader 'far'"):
        graders.validate(grader={**multi, "calculate_output": "far"})
    with pytest.raises(openai.NotFoundError):
        graders.validate(grader={**LABEL, "model": "gpt-4o", "labels": ["a", "b"], "passing_labels": ["a"]})


def test_exported_eval_is_imported_once(
    client: OpenAI, embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.evals.create(name="exported", data_source_config=CONFIG, testing_criteria=[CHECK])
    run = ended(client, client.evals.runs.create(made.id, data_source=graded("yes", "no")))
    items = client.evals.runs.output_items.list(run.id, eval_id=made.id)
    export = tmp_path / "export.json"
    export.write_text(json.dumps([found.to_dict() for found in (made, run, *items)]))
    monkeypatch.setenv("ANNEAL_URL", str(embedded.http.base_url).rstrip("/"))
    monkeypatch.setenv("ANNEAL_API_KEY", client.api_key)
    results = [CliRunner().invoke(cli, ["import", "openai-eval", str(export), "--json"]) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0], results[0].output
    first, again = (json.loads(result.output) for result in results)
    assert first == again
    assert first["not_imported"] == []
    (imported,) = first["evals"]
    assert imported["id"] != made.id
    there = client.evals.runs.retrieve(imported["runs"][0]["id"], eval_id=imported["id"])
    there = ended(client, there)
    assert (there.result_counts.passed, there.result_counts.failed) == (1, 1)
