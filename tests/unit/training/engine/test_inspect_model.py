"""A base model that names no end token is refused; one that does is described."""

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from transformers import AutoTokenizer, BertConfig, BertLMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel

from services.training.engine.tasks import inspect_model
from shared.engine.process.protocol import EngineError
from tests.support.data_cases import data_case
from tests.support.tiny_model import make_tiny_model, make_tiny_tokenizer
from tests.support.zoo import save

NOTHING = cast(Any, None)
"""The inspection reports nothing and takes no commands."""


def without_eos(folder: Path, *configs: str) -> Path:
    """A model whose tokenizer, template and these configurations name no end token."""
    make_tiny_model(folder)
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    for name in ("tokenizer_config.json", *configs):
        path = folder / name
        if path.exists():
            kept = {key: value for key, value in json.loads(path.read_text()).items() if not key.startswith("eos_")}
            path.write_text(json.dumps(kept))
    return folder


@data_case(
    "Ends",
    "A base model of which no file names an end token",
    "refused when it is registered, with the files to set it in",
    "unslothai/unsloth#419",
)
def test_base_model_without_end_token_is_refused(tmp_path: Path) -> None:
    folder = without_eos(tmp_path / "model", "config.json", "generation_config.json")
    with pytest.raises(EngineError, match="no file names an end token") as refused:
        inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)
    assert "generation_config.json" in str(refused.value.fields["remedy"])


def test_base_model_with_an_end_token_in_its_configuration_is_described(tmp_path: Path) -> None:
    facts = inspect_model.main({"path": str(without_eos(tmp_path / "model"))}, NOTHING, NOTHING)
    assert facts["ends"]
    assert {"system", "consecutive_roles"} <= {*facts["template_features"]}


def changed(folder: Path, **fields: Any) -> Path:
    make_tiny_model(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    return folder


def test_tokens_without_embeddings_are_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<image>"])
    tokenizer.save_pretrained(folder)
    facts = inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)
    assert [(w["code"], w["example"]) for w in facts["warnings"]] == [("tokens_without_embeddings", "<image>")]
    tokenizer.add_special_tokens({"pad_token": "<padding>"})
    tokenizer.save_pretrained(folder)
    with pytest.raises(EngineError, match="ids up to 321, and the embeddings have 320 rows: <padding> has none"):
        inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)


def test_stray_weight_files_are_named_and_not_counted(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    before = inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    after = inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)
    assert [(w["code"], w["example"]) for w in after["warnings"]] == [
        ("weight_files_ignored", "consolidated.safetensors")
    ]
    assert {**after, "warnings": []} == before


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rope_parameters": [1]}, "config.json cannot be used: "),
        ({"hidden_act": "nope"}, "config.json cannot be used: KeyError: 'nope'"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, r"quantized already \(gptq\)"),
    ],
)
def test_configuration_that_does_not_fit_is_refused_with_a_remedy(
    tmp_path: Path, fields: dict[str, Any], error: str
) -> None:
    with pytest.raises(EngineError, match=error) as refused:
        inspect_model.main({"path": str(changed(tmp_path / "model", **fields))}, NOTHING, NOTHING)
    assert refused.value.fields["remedy"]


def described(model: Any, folder: Path) -> dict[str, Any]:
    model.save_pretrained(folder)
    make_tiny_tokenizer().save_pretrained(folder)
    return inspect_model.main({"path": str(folder)}, NOTHING, NOTHING)


@pytest.mark.parametrize("decoder", [True, False])
def test_model_that_is_not_causal_is_refused(tmp_path: Path, decoder: bool) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = BertLMHeadModel(BertConfig(vocab_size=320, is_decoder=decoder, **sizes))
    if decoder:
        assert described(model, tmp_path)["architecture"] == "BertLMHeadModel"
    else:
        with pytest.raises(EngineError, match="not causal") as refused:
            described(model, tmp_path)
        assert refused.value.code == "unsupported_architecture"


def test_reason_of_slow_decoding_is_the_models_own(tmp_path: Path) -> None:
    without = described(OpenAIGPTLMHeadModel(OpenAIGPTConfig(vocab_size=320, n_embd=64, n_layer=2, n_head=4)), tmp_path)
    recurrent = inspect_model.main({"path": str(save("LFM 2", tmp_path / "lfm2"))}, NOTHING, NOTHING)
    reasons = {
        w["detail"].split(":")[0] for f in (without, recurrent) for w in f["warnings"] if w["code"] == "slow_decoding"
    }
    assert reasons == {"It takes no KV cache", "A trial with a KV cache failed or gave other answers"}


@pytest.mark.parametrize(("family", "mlp", "head"), [("Gemma 3n text", 96, 16), ("Gemma 4 text", 96, 512)])
def test_shape_has_the_largest_size_of_layers_that_differ(tmp_path: Path, family: str, mlp: int, head: int) -> None:
    shape = inspect_model.main({"path": str(save(family, tmp_path / "model"))}, NOTHING, NOTHING)["shape"]
    assert (shape["mlp"], shape["head_size"]) == (mlp, head)
