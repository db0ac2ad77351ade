"""GGUF files in llama.cpp itself: equal to transformers for every architecture, and a wrong file is found out.

`make test-models` runs it with the llama.cpp of requirements/llama-cpp.txt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from gguf import GGUFReader
from pyarrow import parquet
from transformers import AutoConfig, AutoModelForCausalLM

from services.export.engine import gguf_adapter_export, gguf_export
from services.export.engine.gguf.verify import verify_gguf
from services.export.engine.gguf_export import MODEL_FILE, write
from services.export.engine.reference import run_tuned
from services.export.engine.tuned_model import open_model
from shared.engine.process.protocol import Commands, null_reporter
from tests.support.tiny_model import make_tiny_adapter, make_tiny_tokenizer

PYTHON = os.environ.get("ANNEAL_LLAMA_CPP_PYTHON", "")
SEEDLING = Path(__file__).parents[2] / "services" / "training" / "seedling"
SAMPLES = Path(__file__).parents[2] / "services" / "dataset" / "samples"
SIZES: dict[str, Any] = {
    "vocab_size": 330,  # more than the tokenizer has
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
THETA = {"rope_theta": 1e4, "original_max_position_embeddings": 64}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, **THETA}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "head_dim": 32},
    "llama linear": {"model_type": "llama", "rope_parameters": {"rope_type": "linear", "factor": 2.0, **THETA}},
    "llama yarn": {"model_type": "llama", "rope_parameters": {"rope_type": "yarn", "factor": 4.0, **THETA}},
    "llama llama3": {"model_type": "llama", "tie_word_embeddings": True, "rope_parameters": LLAMA3},
    "mistral": {"model_type": "mistral", "sliding_window": None},
    "qwen2": {"model_type": "qwen2"},
    "qwen3": {"model_type": "qwen3", "head_dim": 32},
}


class NoCommands(Commands):
    """Nobody stops the engine."""

    def __init__(self) -> None: ...

    def poll(self) -> None:
        return None


def save(folder: Path, family: str) -> Path:
    settings = {**SIZES, **FAMILIES[family]}
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
    for name, parameter in model.named_parameters():
        if "norm" in name or name.endswith(".bias"):  # as made, all ones or zeros
            torch.nn.init.normal_(parameter, mean=1.0 if "norm" in name else 0.0, std=0.3)
    model.save_pretrained(folder)
    make_tiny_tokenizer().save_pretrained(folder)
    return folder


def full(folder: Path) -> dict[str, Any]:
    return {"path": str(folder), "kind": "full", "base": None}


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Rows to compare answers on: three questions are too few for an agreement."""
    folder = tmp_path_factory.mktemp("rows")
    rows = (SAMPLES / "triage-heldout.jsonl").read_text("utf-8").splitlines()[:16]
    parquet.write_table(pa.table({"row": rows}), folder / "rows.parquet")
    return {"folder": str(folder), "shards": ["rows.parquet"], "name": "triage"}


def spec(model: dict[str, Any], out: Path, kind: str = "f32", **manifest: Any) -> dict[str, Any]:
    out.mkdir()
    return {
        "model": model,
        "manifest": {"name": "test", "parameters": 1, **manifest},
        "out": str(out),
        "top": "test",
        "quantization": kind,
        "llama_cpp_python": PYTHON,
    }


def test_llama_cpp_is_installed() -> None:
    assert PYTHON, "make llama-cpp, and set ANNEAL_LLAMA_CPP_PYTHON"


@pytest.mark.parametrize("family", FAMILIES)
def test_architecture_equals_transformers(tmp_path: Path, family: str) -> None:
    request = spec(full(save(tmp_path / "model", family)), tmp_path / "out")
    check = gguf_export.main(request, null_reporter(), NoCommands())["check"]
    assert (check["verdict"], check["agreement"]) == ("verified", 1.0), check
    assert check["max_difference"] < 2e-3


@pytest.mark.parametrize("kind", ["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"])
def test_seedling_in_every_type(tmp_path: Path, held_out: dict[str, Any], kind: str) -> None:
    request = {**spec(full(SEEDLING), tmp_path / "out", kind), "held_out": held_out}
    check = gguf_export.main(request, null_reporter(), NoCommands())["check"]
    assert check["verdict"] == "verified", check
    assert sum(check["tensor_types"].values()) == len(GGUFReader(tmp_path / "out/files" / MODEL_FILE).tensors)


@pytest.mark.parametrize(("family", "method"), [("llama", "lora"), ("qwen2", "qlora")])
def test_adapter_over_its_base(tmp_path: Path, family: str, method: str) -> None:
    base = save(tmp_path / "model", family)
    model = {"path": str(make_tiny_adapter(base, tmp_path / "adapter")), "kind": "adapter", "base": full(base)}
    separate = gguf_adapter_export.main(spec(model, tmp_path / "a", method=method), null_reporter(), NoCommands())
    assert separate["check"]["verdict"] == "verified", separate["check"]
    merged = gguf_export.main(spec(model, tmp_path / "m", method=method), null_reporter(), NoCommands())
    assert merged["check"]["verdict"] == "verified", merged["check"]
    assert ("quantized_base" in merged["check"]) == (method == "qlora")
    without = run_tuned(open_model(spec(full(base), tmp_path / "b")), {"manifest": {}}, null_reporter())
    assert verify_gguf(
        PYTHON, open_model({"model": model, "manifest": {}}), without, tmp_path / "a/base.gguf", "float32",
        null_reporter(), tmp_path / "a/files/adapter.gguf",
    )["verdict"] == "drifted"  # the adapter does change answers  # fmt: skip


@pytest.mark.parametrize("kind", ["q8_0", "q4_k_m"])
def test_flipped_tensor_and_another_tokenizer_drift(tmp_path: Path, held_out: dict[str, Any], kind: str) -> None:
    request = {**spec(full(SEEDLING), tmp_path / "out"), "held_out": held_out}
    tuned, path = open_model(request), tmp_path / MODEL_FILE
    expected = run_tuned(tuned, request, null_reporter())
    write(tuned, path, kind, request, null_reporter())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"smollm", b"falcon"))  # another pre-tokenizer
    causes = verify_gguf(PYTHON, tuned, expected, path, kind, null_reporter())["causes"]
    assert causes[0].startswith("llama.cpp tokenizes")
    path.write_bytes(data)
    tensor = next(tensor for tensor in GGUFReader(path, "r+").tensors if tensor.name == "blk.2.attn_k.weight")
    tensor.data[:] = np.flip(tensor.data, 0)
    del tensor
    check = verify_gguf(PYTHON, tuned, expected, path, kind, null_reporter())
    assert check["verdict"] == "drifted"
    assert check["causes"]


def test_smollm2_answers_as_transformers_does(tmp_path: Path) -> None:
    model = full(Path(os.environ["ANNEAL_SMOLLM2"]))
    check = gguf_export.main(spec(model, tmp_path / "out"), null_reporter(), NoCommands())["check"]
    assert (check["verdict"], check["equal_greedy_tokens"]) == ("verified", True), check
    assert "No TEMPLATE" in (tmp_path / "out/files/Modelfile").read_text()  # it adds a system message
