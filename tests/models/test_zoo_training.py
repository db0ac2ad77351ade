"""Families stored as bf16 in shards: a killed job resumes bit-equal, and its adapter answers as in transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shared.engine.decoding.generate import generate_all
from shared.engine.loading.load import load_model
from tests.support.tiny_model import make_tiny_tokenizer
from tests.support.zoo import build
from tests.support.zoo_comparison import NEW_TOKENS, plain_answer, prompts
from tests.unit.training.engine.engine_run import RecordingReporter, SimulatedCrash, make_spec, run

FAMILIES = ("Qwen 3", "Mixtral", "Gemma 3", "Mamba 2")
"""Tied weights, experts, sliding windows, and recurrent states."""


@pytest.mark.parametrize("family", FAMILIES)
def test_sharded_bf16_weights_train_and_resume_bit_equal(tmp_path: Path, family: str) -> None:
    model = tmp_path / "model"
    build(family).to(torch.bfloat16).save_pretrained(model, max_shard_size="64KB")
    make_tiny_tokenizer().save_pretrained(model)
    assert len(list(model.glob("*.safetensors"))) > 1
    settings = {"max_steps": 4, "checkpoint_every": 2, "eval_every": 4}
    whole, killed = (make_spec(tmp_path / name, model, **settings) for name in ("whole", "killed"))
    run(whole)
    with pytest.raises(SimulatedCrash):
        run(killed, RecordingReporter(crash_at=3))
    run({**killed, "resume_from": f"{killed['checkpoints']}/step-00000002"})
    expected, found = (load_file(Path(spec["output"]) / "adapter_model.safetensors") for spec in (whole, killed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    base = {"path": str(model), "kind": "full", "base": None}
    merged = load_model({"path": killed["output"], "kind": "adapter", "base": base}, dtype="float32")
    answers = generate_all(merged, prompts(), stop_ids=[], max_new_tokens=NEW_TOKENS)
    assert [answer.ids for answer in answers] == [plain_answer(merged, prompt) for prompt in prompts()]
