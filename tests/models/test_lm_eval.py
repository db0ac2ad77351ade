"""lm-eval on tasks of our own, against a running platform: its figures are those of transformers on the same rows."""

import json
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import cli
from tests.workflows.conftest import Embedded

PYTHON = os.environ.get("ANNEAL_LM_EVAL_PYTHON", "")
SEEDLING = Path(__file__).parents[2] / "services/training/seedling"
ROWS = [
    {
        "question": f"Where is order {n}?",
        "choices": ["It left today.", "We do not know.", "In the shop!"],
        "answer": n % 3,
    }
    for n in range(6)
]
TEXTS = [{"text": f"Order {n} left the shop today — and arrives tomorrow."} for n in range(4)]
DATA = "dataset_path: json\ndataset_kwargs:\n  data_files:\n    test: {file}\ntest_split: test\n"
CHOICE = """task: shop_choice
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
metadata: {version: 1.0}
"""
WORDS = """task: shop_words
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]
metadata: {version: 1.0}
"""

pytestmark = pytest.mark.skipif(not PYTHON, reason="make lm-eval, and ANNEAL_LM_EVAL_PYTHON names its Python")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    running = Embedded(tmp_path_factory.mktemp("lm-eval") / "home")
    running.start()
    try:
        running.until("/v1/models", lambda models: models["data"])
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def found(platform: Embedded, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of lm-eval, and the samples of each task under its name."""
    folder = tmp_path_factory.mktemp("tasks")
    for name, task, rows in (("choice", CHOICE, ROWS), ("words", WORDS, TEXTS)):
        file = folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        (folder / f"{name}.yaml").write_text(task + DATA.format(file=file), "utf-8")
    url = platform.http.base_url.join("/v1/completions")
    model = f"model=seedling,base_url={url},tokenizer={SEEDLING},tokenizer_backend=huggingface,max_length=512"
    command = [PYTHON, "-m", "lm_eval", "run", "--model", "local-completions", "--model_args", model]
    command += ["--include_path", str(folder), "--tasks", "shop_choice,shop_words", "--batch_size", "4"]
    key = (platform.home / "api-key").read_text().strip()
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    env = {**os.environ, **offline, "OPENAI_API_KEY": key}
    done = subprocess.run(
        [*command, "--output_path", str(folder / "out"), "--log_samples"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (results,) = (folder / "out").rglob("results_*.json")
    samples = {
        task: [json.loads(line) for file in (folder / "out").rglob(f"samples_{task}_*") for line in file.open()]
        for task in ("shop_choice", "shop_words")
    }
    return {"results": json.loads(results.read_text())["results"], "folder": folder / "out", **samples}


def log_likelihood(model: Any, ids: list[int], start: int) -> float:
    """The sum of the log-probabilities of ids[start:]."""
    import torch

    with torch.inference_mode():
        scores = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return sum(float(scores[place - 1, ids[place]]) for place in range(start, len(ids)))


@pytest.fixture(scope="module")
def seedling() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoTokenizer.from_pretrained(SEEDLING), AutoModelForCausalLM.from_pretrained(SEEDLING, dtype=torch.float32)


def test_choices_have_the_likelihoods_and_the_accuracy_of_transformers(found: Any, seedling: Any) -> None:
    tokenizer, model = seedling
    right = 0
    for sample in sorted(found["shop_choice"], key=lambda sample: sample["doc_id"]):
        own = []
        for choice in sample["doc"]["choices"]:
            context = tokenizer(sample["doc"]["question"], add_special_tokens=False).input_ids
            whole = tokenizer(f"{sample['doc']['question']} {choice}", add_special_tokens=False).input_ids
            own.append(log_likelihood(model, whole, len(context)))
        shown = [float(likelihood) for likelihood, _ in sample["filtered_resps"]]
        assert shown == pytest.approx(own, abs=1e-3)
        right += own.index(max(own)) == sample["doc"]["answer"]
    assert found["results"]["shop_choice"]["acc,none"] == pytest.approx(right / len(ROWS))


def test_perplexity_is_that_of_transformers(found: Any, seedling: Any) -> None:
    tokenizer, model = seedling
    prefix = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    nats = words = octets = 0.0
    for row in TEXTS:
        ids = [prefix, *tokenizer(row["text"], add_special_tokens=False).input_ids]
        nats -= log_likelihood(model, ids, 1)
        words, octets = words + len(row["text"].split()), octets + len(row["text"].encode())
    shown = found["results"]["shop_words"]
    assert shown["word_perplexity,none"] == pytest.approx(math.exp(nats / words), rel=1e-4)
    assert shown["bits_per_byte,none"] == pytest.approx(nats / octets / math.log(2), rel=1e-4)


def test_what_lm_eval_found_is_imported_with_equal_scores(platform: Embedded, found: Any) -> None:
    env = {"ANNEAL_HOME": str(platform.home), "ANNEAL_URL": str(platform.http.base_url).rstrip("/")}
    command = ["import", "lm-eval", str(found["folder"]), "--json"]
    first, again = (CliRunner().invoke(cli, command, env=env) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert again.output == first.output
    made = json.loads(first.output)
    assert made["not_imported"] == []
    assert {each["imported"]["task"] for each in made["evaluations"]} == {"shop_choice", "shop_words"}
    for each in made["evaluations"]:
        reported = found["results"][each["imported"]["task"]]
        assert each["model_id"] == "seedling"
        assert each["scores"] == pytest.approx({name: reported[f"{name},none"] for name in each["scores"]})
        metrics = {name.partition(",")[0] for name in reported if "," in name and "_stderr" not in name}
        assert each["scores"].keys() == metrics
