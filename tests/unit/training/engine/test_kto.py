"""Kahneman-Tversky optimization (KTO): learning, agreement with TRL, checkpoints and labels."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from datasets import Dataset
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from services.training.engine.data.batches import epoch_order
from services.training.engine.data.labelled_answers import mismatched_answers
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.answers import conversation
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.data_cases import data_case
from tests.support.tiny_model import make_tiny_model
from tests.unit.training.engine.engine_run import WORDS, make_spec, run, run_and_copy, write_shard

BETA = 0.1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def labelled(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Generate questions with a kind, desirable answer or a rude, undesirable one, in turn."""
    rng, rows = random.Random(seed), []
    for number in range(count):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 12))]
        answer = f"no {words[-1]} for you" if number % 2 else f"{words[0]} please"
        rows.append(
            {
                "messages": [{"role": "user", "content": " ".join(words)}],
                "completion": [{"role": "assistant", "content": answer}],
                "label": number % 2 == 0,
            }
        )
    return rows


def make_label_spec(
    folder: Path, model: Path, *, training: list[dict[str, Any]] | None = None, **hyperparameters: Any
) -> dict[str, Any]:
    settings = {"objective": "kto", "beta": BETA, **hyperparameters}
    spec = make_spec(folder, model, form="unpaired", **settings)
    spec["dataset"]["train"] = [write_shard(folder / "rows.parquet", training or labelled(24))]
    spec["dataset"]["validation"] = [write_shard(folder / "others.parquet", labelled(8, seed=1))]
    return spec


def log_likelihoods(ref: dict[str, Any], base: dict[str, Any], rows: list[dict[str, Any]]) -> list[float]:
    """Compute the log-likelihood of each row's answer with a plain forward pass."""
    template, model, sums = ChatTemplate.of(load_tokenizer(base)), load_model(ref, dtype="float32"), []
    for row in rows:
        encoded = template.encode(conversation(row, "completion"))
        ids, trained = torch.tensor(encoded.input_ids), torch.tensor(encoded.trained)[1:]
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1]
        sums.append(-torch.nn.functional.cross_entropy(logits[trained], ids[1:][trained], reduction="sum").item())
    return sums


@pytest.mark.parametrize(("method", "learning_rate"), [("lora", 6e-3), ("full", 1e-3)])
@data_case(
    "Preferences",
    "Unpaired preferences: a prompt, an answer and a label",
    "trained with objective `kto`: undesirable answers become less likely, desirable ones more",
    "huggingface/trl#1116, #2248; LLaMA-Factory data/kto_en_demo.json",
)
def test_kto_makes_undesirable_answers_less_likely(
    tmp_path: Path, model: Path, method: str, learning_rate: float
) -> None:
    spec = make_label_spec(tmp_path, model, method=method, learning_rate=learning_rate, max_steps=20)
    result, reporter = run(spec)
    first, *_, last = reporter.of_kind("evaluation")
    assert first["loss"] == pytest.approx(0.5, abs=1e-3)  # policy and reference are the same model
    assert last["loss"] < 0.8 * first["loss"]
    assert last["rewards/chosen"] > 0 > last["rewards/rejected"]
    assert (result["ended"], result["steps"]) == ("all_steps", 20)
    assert all(metric["kl"] >= 0 for metric in reporter.of_kind("metric"))

    kind = "full" if method == "full" else "adapter"
    saved = {"path": spec["output"], "kind": kind, "base": spec["model"] if kind == "adapter" else None}
    rows = labelled(8, seed=1)
    before, after = (log_likelihoods(ref, spec["model"], rows) for ref in (spec["model"], saved))
    assert all((new > old) == row["label"] for row, old, new in zip(rows, before, after, strict=True))
    assert reporter.of_kind("warning") == []


def test_losses_and_weights_equal_those_of_trls_own_trainer(tmp_path: Path, model: Path) -> None:
    rows, steps, settings = (
        labelled(8),
        3,
        {"learning_rate": 1e-3, "scheduler": "constant", "warmup_steps": 0, "beta": 0.4},
    )
    settings |= {"desirable_weight": 1.2, "undesirable_weight": 0.7}
    spec = make_label_spec(
        tmp_path, model, training=rows, method="full", max_steps=steps, batch_size=8, eval_every=None, **settings
    )
    spec["dataset"]["validation"] = []
    _, reporter = run(spec)

    # TRL rotates the answers of a batch, so a batch of all rows in the order of `mismatched_answers` has its partners.
    seed = spec["hyperparameters"]["seed"]
    tokenizer = load_tokenizer(spec["model"])
    template = ChatTemplate.of(tokenizer)
    ordered = [rows[index] for index in epoch_order(len(rows), seed, 0)]
    data = {
        "prompt": [template.render(row["messages"], add_generation_prompt=True) for row in ordered],
        "completion": [f"{row['completion'][0]['content']}<|im_end|>" for row in ordered],
        "label": [row["label"] for row in ordered],
    }
    tokenizer.eos_token = "<|im_end|>"  # TRL appends it to completions that do not end with it
    AcceleratorState._reset_state(reset_partial_state=True)
    arguments = KTOConfig(
        output_dir=str(tmp_path / "trl"),
        beta=0.4,
        desirable_weight=1.2,
        undesirable_weight=0.7,
        per_device_train_batch_size=8,
        max_steps=steps,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        logging_steps=1,
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = KTOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        ref_model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_dict(data),
        processing_class=tokenizer,
    )
    trainer.train()
    expected = [log for log in trainer.state.log_history if "loss" in log]
    actual = reporter.of_kind("metric")
    for name in ("loss", "grad_norm", "kl", "rewards/chosen", "rewards/rejected"):
        assert [log[name] for log in actual] == pytest.approx([log[name] for log in expected], rel=1e-3, abs=1e-5)
    assert actual[-1]["kl"] > 0
    saved = load_file(next(Path(spec["output"]).glob("*.safetensors")))
    trained = dict(trainer.model.named_parameters())
    assert all(torch.allclose(weight, trained[name], rtol=1e-3, atol=1e-5) for name, weight in saved.items())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_killed_and_resumed_run_equals_uninterrupted_run(tmp_path: Path, model: Path, method: str) -> None:
    settings = {"method": method, "learning_rate": 1e-3, "micro_batch_tokens": 300}
    spec = make_label_spec(tmp_path, model, **settings)
    result, uninterrupted, resumed_spec = run_and_copy(tmp_path, spec)
    resumed_result, resumed = run(resumed_spec)
    expected = {step: loss for step, loss in uninterrupted.losses().items() if step > 5}
    assert resumed.losses() == expected
    assert resumed_result["metrics"] == result["metrics"]
    weights = [load_file(next(Path(each["output"]).glob("*.safetensors"))) for each in (spec, resumed_spec)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_rows_are_truncated_and_untrained_rows_are_skipped(tmp_path: Path, model: Path) -> None:
    long_prompt = {**labelled(1)[0], "messages": [{"role": "user", "content": "word " * 60}]}
    long_answer = {**labelled(1)[0], "completion": [{"role": "assistant", "content": "word " * 60}]}
    spec = make_label_spec(
        tmp_path, model, training=[*labelled(6), long_prompt, long_answer], max_length=100, max_steps=1
    )
    result, reporter = run(spec)
    assert result["provenance"]["samples"]["train"] == {"used": 7, "truncated": 1, "set_aside": 1}
    codes = {warning["code"]: warning for warning in reporter.of_kind("warning")}
    assert codes["rows_without_trained_token"]["example"] == "upload.jsonl:7"
    assert codes["rows_truncated"]["example"] == "upload.jsonl:8"


@pytest.mark.parametrize(("label", "remedy"), [(True, "Use objective sft."), (False, "Add desirable answers.")])
@data_case("Preferences", "Labels that are all true or all false", "trained, with a warning that names the remedy")
def test_one_sided_labels_are_a_warning(tmp_path: Path, model: Path, label: bool, remedy: str) -> None:
    rows = [{**row, "label": label} for row in labelled(6)]
    result, reporter = run(make_label_spec(tmp_path, model, training=rows, max_steps=1))
    (warning,) = [each for each in reporter.of_kind("warning") if each["code"] == "one_sided_labels"]
    assert (result["steps"], warning["count"], warning["remedy"]) == (1, 6, remedy)


def test_unbalanced_labels_are_a_warning_until_they_are_weighted(tmp_path: Path, model: Path) -> None:
    rows = [row for row in labelled(12) if row["label"]] + [row for row in labelled(6) if not row["label"]]
    _, reporter = run(make_label_spec(tmp_path / "a", model, training=rows, max_steps=1))
    (warning,) = [each for each in reporter.of_kind("warning") if each["code"] == "unbalanced_labels"]
    assert (warning["count"], warning["remedy"]) == (3, "Set undesirable_weight to 2 and the other weight to 1.")
    _, reporter = run(make_label_spec(tmp_path / "b", model, training=rows, max_steps=1, undesirable_weight=2.0))
    assert "unbalanced_labels" not in [each["code"] for each in reporter.of_kind("warning")]


def test_sample_prompts_come_from_desirable_answers(tmp_path: Path, model: Path) -> None:
    _, reporter = run(make_label_spec(tmp_path, model, max_steps=1))
    desirable = [row["completion"][0]["content"] for row in labelled(8, seed=1) if row["label"]]
    assert [item["reference"] for item in reporter.of_kind("samples")[0]["items"]] == desirable[:3]


def test_kto_trains_batches_that_end_with_a_single_row(tmp_path: Path, model: Path) -> None:
    result, reporter = run(make_label_spec(tmp_path, model, training=labelled(13), max_steps=4))
    assert (result["steps"], len(reporter.losses())) == (4, 4)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"objective": "sft", "beta": None}, "objective"), ({"batch_size": 1}, "batch_size")],
)
def test_settings_that_cannot_train_labelled_answers_are_refused(
    tmp_path: Path, model: Path, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(EngineError) as caught:
        run(make_label_spec(tmp_path, model, **change))
    assert (caught.value.code, caught.value.fields["field"]) == ("bad_spec", field)
    assert caught.value.fields["remedy"]


@pytest.mark.parametrize("rows", [2, 3, 50])
def test_every_prompt_gets_the_answer_of_another_row_and_every_answer_is_used_once(rows: int) -> None:
    partners = mismatched_answers(rows, seed=1)
    assert sorted(partners) == list(range(rows))
    assert all(row != partner for row, partner in enumerate(partners))
