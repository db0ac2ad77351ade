"""The steps, messages and artifacts of a training run."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from services.training.engine.model.loading import lora_targets, size_of
from services.training.engine.spec import ModelRef
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import chat_rows, make_spec, run, write_shard


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def model_ref(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the reference by which other services load the run's model."""
    if spec["hyperparameters"]["method"] == "full":
        return {"path": spec["output"], "kind": "full", "base": None}
    return {"path": spec["output"], "kind": "adapter", "base": spec["model"]}


def reference_loss(spec: dict[str, Any], rows: list[dict[str, Any]]) -> float:
    """Compute the validation loss of the saved model with the shared loader and transformers' forward pass."""
    saved, template = load_model(model_ref(spec), dtype="float32"), ChatTemplate.of(load_tokenizer(model_ref(spec)))
    total, count = 0.0, 0
    for row in rows:
        encoded = template.encode(row)
        ids, trained = torch.tensor(encoded.input_ids), torch.tensor(encoded.trained)[1:]
        with torch.no_grad():
            logits = saved(input_ids=ids[None]).logits[0, :-1]
        total += torch.nn.functional.cross_entropy(logits[trained], ids[1:][trained], reduction="sum").item()
        count += int(trained.sum())
    return total / count


@pytest.mark.parametrize("method", ["full", "lora"])
def test_saved_model_reproduces_the_reported_loss(tmp_path: Path, model: Path, method: str) -> None:
    spec = make_spec(tmp_path, model, method=method)
    result, reporter = run(spec)

    metrics = result["metrics"]
    assert metrics["train_loss_last"] < metrics["train_loss_first"]
    assert metrics["validation_loss_best"] < 0.9 * metrics["validation_loss_first"]
    assert reference_loss(spec, chat_rows(8, seed=1)) == pytest.approx(metrics["validation_loss_best"], rel=1e-4)

    assert (result["steps"], result["path"], result["stopped"]) == (10, spec["output"], False)
    assert (result["dtype"], result["threads"], result["max_length"]) == ("fp32", 1, 64)
    assert result["template_hash"] == ChatTemplate.of(load_tokenizer(model_ref(spec))).hash
    assert result["provenance"]["seed"] == 3
    assert (result["trainable_parameters"] == result["parameters"]) is (method == "full")
    assert [m["step"] for m in reporter.of_kind("checkpoint")] == [5]
    assert [m["step"] for m in reporter.of_kind("evaluation")] == [0, 5, 10]
    assert reporter.of_kind("progress")[-1] == {
        "kind": "progress",
        "done": 10,
        "total": 10,
        "unit": "steps",
        "eta_s": reporter.of_kind("progress")[-1]["eta_s"],
    }


def test_untrained_lora_model_is_evaluated_after_the_first_step(tmp_path: Path, model: Path) -> None:
    messages = {}
    for method in ("full", "lora"):
        _, reporter = run(make_spec(tmp_path / method, model, method=method))
        messages[method] = [m for m in reporter.messages if m["kind"] in ("evaluation", "samples", "metric")]
    assert [(m["kind"], m["step"]) for m in messages["full"][:3]] == [("evaluation", 0), ("samples", 0), ("metric", 1)]
    assert messages["lora"][0]["kind"] == "metric"
    assert messages["lora"][1:3] == messages["full"][:2]


def test_every_step_reports_metrics(tmp_path: Path, model: Path) -> None:
    _, reporter = run(make_spec(tmp_path, model))
    metrics = reporter.of_kind("metric")
    assert [m["step"] for m in metrics] == list(range(1, 11))
    rates = [m["learning_rate"] for m in metrics]
    assert rates[:3] == pytest.approx([3e-3, 6e-3, 6e-3])  # two steps of warm-up, the first of which counts
    assert rates[2] == max(rates)
    assert 6e-4 < rates[-1] < 2e-3
    for name in ("loss", "grad_norm", "tokens_per_second", "cpu_percent", "memory_mb"):
        assert all(m[name] > 0 for m in metrics)
    assert all(a["tokens"] < b["tokens"] for a, b in pairwise(metrics))
    assert metrics[-1]["epoch"] == pytest.approx(2.5)


def test_every_evaluation_samples_the_same_three_prompts(tmp_path: Path, model: Path) -> None:
    _, reporter = run(make_spec(tmp_path, model))
    sampled = [m["items"] for m in reporter.of_kind("samples")]
    assert len(sampled) == 3
    rows = chat_rows(8, seed=1)
    for items in sampled:
        pairs = [(item["prompt"], item["reference"]) for item in items]
        assert pairs == [tuple(m["content"] for m in row["messages"]) for row in rows[:3]]
    assert sampled[0] != sampled[-1]


def test_adapter_folder_names_its_base_model_and_stop_tokens(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_steps=1)
    run(spec)
    output = Path(spec["output"])
    config = json.loads((output / "adapter_config.json").read_text())
    generation = json.loads((output / "generation_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    assert set(config["target_modules"]) == {
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        "gate_proj",
        "up_proj",
        "down_proj",
    }
    template = ChatTemplate.of(load_tokenizer(model_ref(spec)))
    assert generation["eos_token_id"] == template.stop_ids
    assert len(template.stop_ids) == 2
    assert {path.suffix for path in output.iterdir()} == {".json", ".jinja", ".safetensors"}


def test_gradient_checkpointing_does_not_change_losses(tmp_path: Path, model: Path) -> None:
    losses = [
        run(make_spec(tmp_path / str(recompute), model, max_steps=3, gradient_checkpointing=recompute))[1].losses()
        for recompute in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_qlora_runs(tmp_path: Path, model: Path, dtype: str) -> None:
    result, _ = run(make_spec(tmp_path, model, method="qlora", dtype=dtype, max_steps=6))
    assert result["metrics"]["validation_loss_best"] < result["metrics"]["validation_loss_first"]
    assert result["dtype"] == dtype


def test_bf16_run_keeps_trained_weights_in_fp32(tmp_path: Path, model: Path) -> None:
    result, _ = run(make_spec(tmp_path, model, method="lora", dtype="bf16"))
    assert result["metrics"]["validation_loss_best"] < 0.9 * result["metrics"]["validation_loss_first"]


def test_rows_without_trained_token_are_skipped_and_counted(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_length=100, max_steps=1)
    untrained = {"messages": [{"role": "user", "content": "hello"}]}
    overlong_prompt = {
        "messages": [{"role": "user", "content": "word " * 60}, {"role": "assistant", "content": "too late"}]
    }
    overlong_answer = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "word " * 60}]}
    rows = [*chat_rows(6), untrained, overlong_prompt, overlong_answer]
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", rows)]
    result, reporter = run(spec)
    counts = result["provenance"]["samples"]["train"]
    assert (counts["set_aside"], counts["used"]) == (2, 7)
    assert counts["truncated"] == 1
    warnings = {each["code"]: each for each in reporter.of_kind("warning")}
    skipped, cut = warnings["rows_without_trained_token"], warnings["rows_truncated"]
    assert (skipped["count"], skipped["example"]) == (2, "upload.jsonl:7")
    assert (cut["count"], cut["example"]) == (1, "upload.jsonl:9")
    assert "2 of 9 training rows (22.2%) are skipped" in skipped["detail"]
    assert "max_length" in skipped["remedy"]


def test_dataset_without_trained_tokens_is_rejected(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model)
    spec["dataset"]["train"] = [
        write_shard(tmp_path / "x.parquet", [{"messages": [{"role": "user", "content": "hi"}]}])
    ]
    with pytest.raises(EngineError) as caught:
        run(spec)
    assert caught.value.code == "nothing_to_train"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('{"neither": 1}', "bad_data"),
        ("{not json", "bad_data"),
    ],
)
def test_invalid_row_error_names_the_row(tmp_path: Path, model: Path, row: str, code: str) -> None:
    spec = make_spec(tmp_path, model)
    write_shard(Path(spec["dataset"]["train"][0]), chat_rows(5))
    table = pq.read_table(spec["dataset"]["train"][0])
    rows = [*table["row"].to_pylist()[:3], row, *table["row"].to_pylist()[4:]]
    pq.write_table(table.set_column(2, "row", pa.array(rows)), spec["dataset"]["train"][0])
    with pytest.raises(EngineError) as caught:
        run(spec)
    assert (caught.value.code, caught.value.fields["row"]) == (code, "upload.jsonl:4")
    assert "upload.jsonl:4" in caught.value.detail


def test_long_text_is_split_into_windows(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, form="text", max_steps=2, max_length=64)
    text = {"text": "The train leaves at nine. " * 40}
    spec["dataset"]["train"] = spec["dataset"]["validation"] = [write_shard(tmp_path / "text.parquet", [text])]
    result, reporter = run(spec)
    length = len(ChatTemplate.of(load_tokenizer(spec["model"])).encode(text).input_ids)
    assert result["provenance"]["samples"]["train"] == {"used": math.ceil(length / 64), "truncated": 0, "set_aside": 0}
    assert reporter.of_kind("samples")[0]["items"][0]["prompt"].startswith("The train leaves")


def test_sft_on_preference_pairs_trains_only_the_chosen_answer(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, form="preference", max_steps=1)
    chosen, rejected = ([{"role": "assistant", "content": text}] for text in ("yes", "no"))
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    pair = {"messages": history, "chosen": chosen, "rejected": rejected}
    spec["dataset"]["train"] = [write_shard(tmp_path / "pairs.parquet", [pair])]
    spec["dataset"]["validation"] = []
    result, reporter = run(spec)
    template = ChatTemplate.of(load_tokenizer(spec["model"]))
    encoded = template.encode({"messages": [*history, *chosen], "train_from": 3})
    assert reporter.of_kind("metric")[0]["tokens"] == len(encoded.input_ids)
    assert "rejected_answers_not_used" in [m["code"] for m in reporter.of_kind("warning")]
    assert "validation_loss_best" not in result["metrics"]
    assert result["best_step"] == 1


def test_early_stopping_saves_the_best_weights(tmp_path: Path, model: Path) -> None:
    spec = make_spec(
        tmp_path, model, method="full", learning_rate=0.3, scheduler="constant", eval_every=1, early_stopping_patience=2
    )
    result, reporter = run(spec)
    evaluations = {m["step"]: m["loss"] for m in reporter.of_kind("evaluation")}
    assert result["best_step"] == min(evaluations, key=lambda step: evaluations[step])
    assert result["steps"] == result["best_step"] + 2 < 10
    assert reference_loss(spec, chat_rows(8, seed=1)) == pytest.approx(evaluations[result["best_step"]], rel=1e-4)
    assert "stopped falling" in reporter.of_kind("log")[-1]["message"]


def test_evaluations_use_the_requested_number_of_rows(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, method="full", eval_rows=4)
    result, reporter = run(spec)
    evaluations = {m["step"]: m["loss"] for m in reporter.of_kind("evaluation")}
    assert reference_loss(spec, chat_rows(8, seed=1)[::2]) == pytest.approx(evaluations[result["best_step"]], rel=1e-4)
    assert any("evaluates 4 of the 8 validation samples every 5 steps" in m["message"] for m in reporter.of_kind("log"))


def test_non_finite_loss_fails_the_run(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, method="full", learning_rate=1e9, scheduler="constant", warmup_steps=0)
    with pytest.raises(EngineError) as caught:
        run(spec)
    assert caught.value.code == "diverged"
    assert "at step 2" in caught.value.detail
    assert caught.value.fields["remedy"]


@pytest.mark.parametrize(
    ("setting", "code", "field"),
    [
        ({"learning_rate": "high"}, "bad_spec", "hyperparameters.learning_rate"),
        ({"lora": {"targets": ["nowhere"]}}, "unknown_lora_targets", "lora.targets"),
        ({"dtype": "fp16"}, "dtype_unsupported", "dtype"),
    ],
)
def test_invalid_setting_error_names_the_field(
    tmp_path: Path, model: Path, setting: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(EngineError) as caught:
        run(make_spec(tmp_path, model, **setting))
    assert (caught.value.code, caught.value.fields["field"]) == (code, field)


def test_routers_and_lm_head_get_no_adapter() -> None:
    from transformers import Qwen2MoeConfig, Qwen2MoeForCausalLM

    config = Qwen2MoeConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        moe_intermediate_size=16,
        shared_expert_intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_experts=2,
    )
    targets, excluded = lora_targets(Qwen2MoeForCausalLM(config), "all-linear")
    assert "q_proj" in targets
    assert not {"lm_head", "gate", "shared_expert_gate"} & set(targets)
    assert excluded


def test_layers_with_a_number_for_a_name_are_adapted_by_their_full_names() -> None:
    from transformers import CTRLConfig, CTRLLMHeadModel

    sizes = {"vocab_size": 64, "n_positions": 32, "n_embd": 16, "dff": 16, "n_layer": 2, "n_head": 2}
    targets, _ = lora_targets(CTRLLMHeadModel(CTRLConfig(**sizes)), "all-linear")
    assert {"Wq", "transformer.h.0.ffn.0", "transformer.h.1.ffn.2"} <= {*targets}
    assert not any(target.isdigit() for target in targets)


def test_model_size_is_read_without_loading(model: Path) -> None:
    loaded = load_model({"path": str(model), "kind": "full", "base": None}, dtype="float32")
    assert size_of(ModelRef(path=str(model))) == sum(w.numel() for w in loaded.parameters())
