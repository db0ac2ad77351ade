"""A real instruct model, SmolLM2-135M, in the whole workflow; its answers equal those of plain transformers.

Run by `make test-models`, which makes the model's folder.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from typer.testing import CliRunner

from cli.main import cli
from tests.workflows.conftest import Embedded
from tests.workflows.test_workflow import SAMPLES, has_ended

FOLDER = Path(os.environ["ANNEAL_SMOLLM2"])
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
NEW_TOKENS = 24
STEPS, ROWS = 4, 24
TIMEOUT_S = 600


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    started = Embedded(tmp_path_factory.mktemp("smollm2") / "home")
    started.start()
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def base(platform: Embedded) -> str:
    """The base model, registered in place."""
    return add_base(platform, json={"path": str(FOLDER), "name": "smollm2"})


@pytest.fixture(scope="module")
def rows(platform: Embedded) -> str:
    few = b"\n".join((SAMPLES / "triage.jsonl").read_bytes().splitlines()[:ROWS])
    return str(platform.upload("triage.jsonl", few).json()["id"])


@pytest.fixture(scope="module")
def pairs(platform: Embedded) -> str:
    lines = (SAMPLES / "triage.jsonl").read_text().splitlines()[:ROWS]
    conversations = [json.loads(line)["messages"] for line in lines]
    written = [
        {"prompt": question["content"], "chosen": answer["content"], "rejected": "I do not know."}
        for question, answer in conversations
    ]
    data = "\n".join(map(json.dumps, written)).encode()
    return str(platform.upload("pairs.jsonl", data).json()["id"])


@pytest.fixture(scope="module")
def trained(platform: Embedded, base: str, rows: str) -> Callable[[str], dict[str, Any]]:
    """The job of a method, which runs once."""

    @cache
    def job(method: str) -> dict[str, Any]:
        rate = {"learning_rate": 1e-3} if method == "lora" else {}
        return train(platform, base=base, dataset=rows, method=method, **rate)

    return job


@pytest.fixture(scope="module")
def tuned(trained: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return trained("lora")


def add_base(platform: Embedded, **request: Any) -> str:
    added = platform.http.post("/models/base", **request)
    assert added.is_success, added.text
    found = platform.until(f"/models/base/{added.json()['id']}", has_ended, TIMEOUT_S)
    assert found["state"] == "succeeded", found
    assert (found["architecture"], found["parameters"]) == ("LlamaForCausalLM", 134_515_008)
    return str(found["id"])


def train(platform: Embedded, **request: Any) -> dict[str, Any]:
    job = platform.post(
        "/training/jobs", {"max_steps": STEPS, "eval_every": STEPS, "batch_size": 4, "warmup_steps": 0, **request}
    )
    job = platform.until(f"/training/jobs/{job['id']}", has_ended, TIMEOUT_S)
    assert job["state"] == "succeeded", job["detail"]
    return dict(job)


def chat(platform: Embedded, model: str) -> str:
    """The greedy answer through the openai client."""
    key = (platform.home / "api-key").read_text().strip()
    client = OpenAI(base_url=f"{platform.http.base_url}/v1", api_key=key, max_retries=0)
    answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=NEW_TOKENS)
    return answer.choices[0].message.content or ""


def generated(folder: Path, adapter: Path | None = None) -> str:
    """The greedy answer of plain transformers, in float32 as the platform serves small models."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    model = PeftModel.from_pretrained(model, adapter) if adapter else model
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    ids = model.generate(**prompt, max_new_tokens=NEW_TOKENS, do_sample=False)
    return str(tokenizer.decode(ids[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))


def export(platform: Embedded, model: str, **request: str) -> dict[str, Any]:
    """Export in the engine's sandbox; return the check, which must have passed."""
    run = platform.post(f"/models/custom/{model}/exports", request)
    run = platform.until(f"/exports/{run['id']}", has_ended, TIMEOUT_S)
    assert (run["state"], run["verdict"]) == ("succeeded", "verified"), run
    return dict(run["check"])


def exported(platform: Embedded, model: str, format: str, folder: Path) -> Path:
    """Export, download and unpack; return the folder of the files."""
    export(platform, model, format=format)
    download = platform.http.get(f"/models/custom/{model}/export", params={"format": format}).content
    zipfile.ZipFile(io.BytesIO(download)).extractall(folder)
    return next(folder.rglob("README.md")).parent


def test_base_answers_as_transformers_does(platform: Embedded, base: str) -> None:
    assert chat(platform, base) == generated(FOLDER)
    assert "Paris" in chat(platform, "smollm2")


def test_uploaded_zip_is_the_same_model(platform: Embedded, base: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "smollm2.zip", "w") as archive:
        for file in FOLDER.iterdir():
            archive.write(file, f"smollm2/{file.name}")
    with (tmp_path / "smollm2.zip").open("rb") as file:
        uploaded = add_base(platform, files={"file": ("smollm2.zip", file)}, data={"name": "zipped"})
    assert chat(platform, uploaded) == chat(platform, base)


def test_estimate_names_the_memory_and_fits(platform: Embedded, base: str, rows: str) -> None:
    estimate = platform.post(
        "/training/estimate", {"dataset": rows, "base": base, "method": "lora", "max_steps": STEPS}
    )
    assert estimate["verdict"] == "fits", estimate


def test_answers_of_every_export_equal_the_chat(platform: Embedded, tuned: dict[str, Any], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from services.export.engine.onnx_session import OnnxModel

    answer = chat(platform, tuned["model_id"])
    assert generated(exported(platform, tuned["model_id"], "torch", tmp_path / "torch")) == answer
    assert generated(FOLDER, exported(platform, tuned["model_id"], "adapter", tmp_path / "adapter")) == answer
    folder = exported(platform, tuned["model_id"], "onnx", tmp_path / "onnx")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True)["input_ids"]
    (ids,) = OnnxModel(folder / "model.onnx", [tokenizer.eos_token_id]).greedy([prompt])
    assert tokenizer.decode(ids, skip_special_tokens=True) == answer


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_method_trains(trained: Callable[[str], dict[str, Any]], method: str) -> None:
    losses = [evaluation["loss"] for evaluation in trained(method)["evaluations"]]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("method", "format", "quantization"),
    [
        ("lora", "gguf", "q4_k_m"),
        ("lora", "gguf_adapter", "f16"),
        ("qlora", "gguf", "q8_0"),
        ("full", "gguf", "f32"),
    ],
)
def test_llama_cpp_answers_as_the_tuned_model(
    platform: Embedded, trained: Callable[[str], dict[str, Any]], method: str, format: str, quantization: str
) -> None:
    """Written and verified in the engine's sandbox; a merge of QLoRA is also scored over its quantized base."""
    check = export(platform, trained(method)["model_id"], format=format, quantization=quantization)
    assert check["method"].startswith("llama.cpp")
    assert ("quantized_base" in check) == (method == "qlora")


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_merged_weights_of_the_other_methods_are_verified(
    platform: Embedded, trained: Callable[[str], dict[str, Any]], method: str
) -> None:
    """Those of LoRA are compared with the chat above."""
    check = export(platform, trained(method)["model_id"], format="torch")
    assert ("quantized_base" in check) == (method == "qlora")


def test_preferences_are_trained(platform: Embedded, base: str, pairs: str) -> None:
    job = train(platform, base=base, dataset=pairs, objective="dpo", method="lora", learning_rate=1e-4)
    assert job["model_id"]


def test_evaluation_scores_base_and_tuned_model(platform: Embedded, tuned: dict[str, Any], rows: str) -> None:
    run = platform.post(f"/models/custom/{tuned['model_id']}/evaluate", {"dataset": rows, "rows": 2})
    run = platform.until(f"/evaluations/{run['id']}", has_ended, TIMEOUT_S)
    assert run["state"] == "succeeded", run
    assert run["scores"]["perplexity"] < run["base_scores"]["perplexity"]


def test_cli_chats(platform: Embedded, tuned: dict[str, Any]) -> None:
    env = {"ANNEAL_HOME": str(platform.home), "COLUMNS": "80"}
    command = ["chat", tuned["model_id"], QUESTION[0]["content"], "--temperature", "0", "--max-tokens", str(NEW_TOKENS)]
    result = CliRunner().invoke(cli, command, env=env)
    assert result.exit_code == 0, result.output
    assert chat(platform, tuned["model_id"]) in result.output
