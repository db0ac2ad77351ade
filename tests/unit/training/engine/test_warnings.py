"""What a run reports beside its success: rows that are not trained, and a result that is not what it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from services.training.engine.model.loading import without_dropout
from services.training.engine.spec import ModelRef
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.data_cases import data_case
from tests.support.tiny_model import CHATML, make_tiny_model
from tests.support.zoo import save
from tests.unit.training.engine.engine_run import (
    RecordingReporter,
    SimulatedCrash,
    chat_rows,
    make_spec,
    run,
    write_shard,
)

OVERLONG = {"messages": [{"role": "user", "content": "word " * 60}, {"role": "assistant", "content": "too late"}]}
FAILING = {"method": "full", "learning_rate": 1.0, "scheduler": "constant", "warmup_steps": 0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def warnings_of(reporter: RecordingReporter) -> dict[str, dict[str, Any]]:
    """Return the warnings by code; a code that is reported twice fails the test."""
    found = reporter.of_kind("warning")
    assert len({each["code"] for each in found}) == len(found)
    return {each["code"]: each for each in found}


def test_run_that_learns_has_no_warnings(tmp_path: Path, model: Path) -> None:
    _, reporter = run(make_spec(tmp_path, model))
    assert warnings_of(reporter) == {}


@data_case(
    "Training",
    "Half of the rows have no answer left within max_length",
    "trained on the other half, with a warning that counts the rows and names the remedy",
    "huggingface/trl#6668",
)
def test_rows_without_trained_token_are_a_warning(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_length=100)
    spec["dataset"]["train"] = [write_shard(tmp_path / "half.parquet", [*chat_rows(6), *[OVERLONG] * 6])]
    spec["dataset"]["validation"] = [write_shard(tmp_path / "third.parquet", [*chat_rows(2), OVERLONG])]
    _, reporter = run(spec)
    warning = warnings_of(reporter)["rows_without_trained_token"]
    assert (warning["count"], warning["example"]) == (7, "upload.jsonl:7")
    shares = "6 of 12 training rows (50.0%) and 1 of 3 validation rows (33.3%) are skipped"
    assert warning["detail"].startswith(shares)
    assert warning["remedy"].startswith("Raise max_length")


@data_case(
    "Training",
    "More warm-up steps than steps",
    "trained, with a warning that names the learning rate that was reached",
    "Hugging Face forums",
)
def test_warmup_longer_than_the_run_is_a_warning(tmp_path: Path, model: Path) -> None:
    _, reporter = run(make_spec(tmp_path, model, max_steps=5, warmup_steps=50))
    warning = warnings_of(reporter)["warmup_not_finished"]
    assert "5 of 50 warm-up steps" in warning["detail"]
    assert "10% of 0.006" in warning["detail"]
    assert max(metric["learning_rate"] for metric in reporter.of_kind("metric")) == pytest.approx(0.1 * 6e-3)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (FAILING, "worse_than_at_the_beginning"),
        ({"learning_rate": 1e-15}, "hardly_better_than_at_the_beginning"),
    ],
)
@pytest.mark.parametrize("validated", [True, False], ids=["validation loss", "training loss"])
def test_run_that_does_not_improve_is_a_warning(
    tmp_path: Path, model: Path, settings: dict[str, Any], code: str, validated: bool
) -> None:
    spec = make_spec(tmp_path, model, **{"max_steps": 12, "batch_size": 20, **settings})
    if not validated:
        spec["dataset"]["validation"] = []
    _, reporter = run(spec)
    warning = warnings_of(reporter)[code]
    assert ("The validation loss" if validated else "The training loss") in warning["detail"]
    assert warning["remedy"]


def test_empty_answers_to_the_sample_prompts_are_a_warning(tmp_path: Path, model: Path) -> None:
    silent = [{"messages": [row["messages"][0], {"role": "assistant", "content": ""}]} for row in chat_rows(24)]
    spec = make_spec(tmp_path, model, method="full", learning_rate=1e-2)
    spec["dataset"]["train"] = [write_shard(tmp_path / "silent.parquet", silent)]
    spec["dataset"]["validation"] = [write_shard(tmp_path / "others.parquet", [*chat_rows(1, seed=1), *silent[:7]])]
    result, reporter = run(spec)
    assert result["best_step"] > 0
    assert reporter.of_kind("samples")[-1]["items"][0]["answer"] == ""
    warning = warnings_of(reporter)["empty_answers"]
    assert (warning["count"], warning["example"]) == (1, chat_rows(1, seed=1)[0]["messages"][0]["content"])


def test_resumed_run_has_the_warnings_of_an_uninterrupted_one(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_length=100, warmup_steps=100)
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*chat_rows(12), OVERLONG])]
    _, uninterrupted = run(spec)
    crashing = RecordingReporter(crash_at=8)
    with pytest.raises(SimulatedCrash):
        run(spec, crashing)
    _, resumed = run({**spec, "resume_from": str(tmp_path / "checkpoints/step-00000005")})
    assert warnings_of(resumed) == warnings_of(uninterrupted)
    assert warnings_of(resumed).keys() == {"rows_without_trained_token", "warmup_not_finished"}
    assert warnings_of(crashing).keys() == {"rows_without_trained_token"}


def test_job_with_cached_tokens_repeats_the_warnings_of_the_first(tmp_path: Path) -> None:
    refusing = make_tiny_model(tmp_path / "refusing")
    refuse = "{% if messages[0].content == 'no' %}{{ raise_exception('not so') }}{% endif %}"
    (refusing / "chat_template.jinja").write_text(refuse + CHATML)
    refused = {"messages": [{"role": "user", "content": "no"}, {"role": "assistant", "content": "yes"}]}
    spec = make_spec(tmp_path / "a", refusing)
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*chat_rows(6), refused])]
    _, first = run(spec)
    (tokens,) = first.of_kind("tokens")
    cached = {**spec, "dataset": {**spec["dataset"], "tokens": tokens["path"]}}
    _, second = run(cached)
    assert second.of_kind("tokens") == []
    assert second.of_kind("warning") == first.of_kind("warning") != []
    assert warnings_of(second)["rows_refused_by_template"]["example"] == "upload.jsonl:7"


def test_run_without_any_row_left_fails_with_the_first_reason(tmp_path: Path) -> None:
    refusing = make_tiny_model(tmp_path / "refusing")
    (refusing / "chat_template.jinja").write_text("{{ raise_exception('never') }}")
    with pytest.raises(EngineError) as caught:
        run(make_spec(tmp_path, refusing))
    assert caught.value.code == "nothing_to_train"
    assert caught.value.detail.endswith("never")
    assert caught.value.fields["row"] == "upload.jsonl:1"


@data_case(
    "Templates",
    "Rows with parts that the base's chat template does not show (tools, calls, reasoning)",
    "skipped whole, counted with an example in a warning; never trained without these parts",
    "huggingface/transformers#44301",
)
def test_rows_that_the_template_cannot_show_are_skipped(tmp_path: Path, model: Path) -> None:
    spec = make_spec(tmp_path, model, max_steps=2)
    plain = chat_rows(8)
    thinking = {"messages": [plain[0]["messages"][0], {**plain[0]["messages"][1], "reasoning_content": "Well."}]}
    with_tools = {**plain[1], "tools": [{"type": "function", "function": {"name": "find", "parameters": {}}}]}
    spec["dataset"]["train"] = [write_shard(tmp_path / "mixed.parquet", [*plain, thinking, with_tools])]
    result, reporter = run(spec)
    assert result["provenance"]["samples"]["train"]["used"] == 8
    warning = warnings_of(reporter)["rows_not_shown_by_template"]
    assert (warning["count"], warning["example"]) == (2, "upload.jsonl:9")
    assert warning["detail"].endswith("cannot show reasoning, tools")
    assert "chat template" in warning["remedy"]


@data_case("Loss masks", "A turn with `train: false`", "no token of it is trained, also in packed batches", "")
def test_masked_turns_are_not_trained(tmp_path: Path, model: Path) -> None:
    rows = [
        {"messages": [*wrong["messages"][:1], {**wrong["messages"][1], "train": False}, *right["messages"]]}
        for wrong, right in zip(chat_rows(12, seed=5), chat_rows(12, seed=6), strict=True)
    ]
    unmasked = [
        {"messages": [{key: value for key, value in turn.items() if key != "train"} for turn in row["messages"]]}
        for row in rows
    ]
    losses = {}
    for name, data in (("masked", rows), ("unmasked", unmasked)):
        spec = make_spec(tmp_path / name, model, max_steps=1, batch_size=12)
        spec["dataset"]["train"] = [write_shard(tmp_path / f"{name}.parquet", data)]
        losses[name] = run(spec)[1].losses()[1]
    ref = {"path": str(model), "kind": "full", "base": None}
    template, network = ChatTemplate.of(load_tokenizer(ref)), load_model(ref, dtype="float32")
    total = trained = 0.0
    for row in rows:
        answer = row["messages"][3]["content"]
        assert [text for text, is_trained in template.spans(row) if is_trained] == [f"{answer}<|im_end|>"]
        encoded = template.encode(row)
        ids, mask = torch.tensor(encoded.input_ids), torch.tensor(encoded.trained)[1:]
        with torch.no_grad():
            logits = network(input_ids=ids[None]).logits[0, :-1].float()
        total += torch.nn.functional.cross_entropy(logits[mask], ids[1:][mask], reduction="sum").item()
        trained += int(mask.sum())
    assert losses["masked"] == pytest.approx(total / trained, rel=1e-4)
    assert losses["masked"] != pytest.approx(losses["unmasked"], rel=1e-4)


def test_dropout_of_the_configuration_is_off_with_a_warning(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, save("GPT-2", tmp_path / "gpt2"), max_steps=1)
    _, reporter = run(spec)
    warning = warnings_of(reporter)["config_dropout_off"]
    assert "attn_pdrop 0.1, embd_pdrop 0.1, resid_pdrop 0.1" in warning["detail"]


def test_dropout_in_a_nested_configuration_is_off_too(tmp_path: Path) -> None:
    base = save("MPT", tmp_path / "mpt")
    config = json.loads((base / "config.json").read_text())
    config["attn_config"]["attn_pdrop"] = 1
    (base / "config.json").write_text(json.dumps(config))
    _, reporter = run(make_spec(tmp_path, base, max_steps=1))
    assert "attn_config.attn_pdrop 1." in warnings_of(reporter)["config_dropout_off"]["detail"]
    changes = without_dropout(ModelRef(path=str(base)))
    model = load_model({"path": str(base), "kind": "full", "base": None}, dtype="float32", config_changes=changes)
    assert model.transformer.blocks[0].attn.attn_dropout_p == 0


def test_experts_are_adapted_except_with_dropout(tmp_path: Path) -> None:
    base = save("Mixtral", tmp_path / "mixtral")
    adapted, with_dropout = (
        run(make_spec(tmp_path / name, base, max_steps=1, lora={"dropout": dropout}))[1]
        for name, dropout in (("adapted", 0.0), ("dropout", 0.1))
    )
    assert "experts_not_adapted" not in warnings_of(adapted)
    assert "lora.dropout" in warnings_of(with_dropout)["experts_not_adapted"]["remedy"]
    parts = {
        name: (tmp_path / name / "output/adapter_model.safetensors").stat().st_size for name in ("adapted", "dropout")
    }
    assert parts["adapted"] > 2 * parts["dropout"]
