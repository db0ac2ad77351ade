"""Trials find models that mix packed documents in any precision, and refuse those that see later tokens."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import BertConfig, BertLMHeadModel

from services.training.engine.model.trials import exact_layouts
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from tests.support.tiny_model import make_tiny_model
from tests.support.zoo import ZOO

LONGEST = 300
"""Tokens of the longest document of a run."""
PRECISIONS = pytest.mark.parametrize("precision", ["fp32", "bf16", "autocast"])


def random_model(family: str) -> Any:
    """A model of the zoo with weights of the usual size, which hide a mistake best."""
    torch.manual_seed(0)
    config = getattr(transformers, ZOO[family].config)(**ZOO[family].settings)
    return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def layouts_in(model: Any, precision: str) -> set[str]:
    model.to(torch.bfloat16 if precision == "bf16" else torch.float32)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
        return {*exact_layouts(model, LONGEST)}


@PRECISIONS
@pytest.mark.parametrize("family", ["Llama, tied embeddings", "Qwen 3", "Mistral, sliding window", "Mixtral"])
def test_model_that_keeps_documents_separate_is_packed(family: str, precision: str) -> None:
    assert layouts_in(random_model(family), precision) == {"packed", "padded"}


@PRECISIONS
@pytest.mark.parametrize("family", ["Bloom", "Falcon, rotary", "LFM 2", "Falcon H1", "Mamba 2"])
def test_model_that_mixes_documents_is_not_packed(family: str, precision: str) -> None:
    assert layouts_in(random_model(family), precision) == {"padded"}


@PRECISIONS
def test_model_whose_rows_depend_on_each_other_is_not_padded(precision: str) -> None:
    model = random_model("Llama")
    model.get_input_embeddings().register_forward_hook(lambda _module, _inputs, out: out + 0.1 * out.mean(0))
    assert layouts_in(model, precision) == {"packed"}


def test_outliers_of_an_int8_model_do_not_count_as_influence(tmp_path: Path) -> None:
    """Its layers multiply columns in another precision if any row has an outlier there."""
    make_tiny_model(tmp_path)
    ref = {"path": str(tmp_path), "kind": "full", "base": None}
    model = load_model(ref, dtype="float32", quantization="int8", device="cpu")
    for name, weight in model.named_parameters():
        weight.requires_grad_("norm" in name)
        if "norm" in name:
            weight.data.mul_(2)
    assert exact_layouts(model, LONGEST) == {"packed", "padded"}


@pytest.mark.parametrize("decoder", [True, False])
def test_model_that_sees_later_tokens_is_refused(decoder: bool) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = BertLMHeadModel(BertConfig(vocab_size=320, is_decoder=decoder, **sizes))
    if decoder:
        assert "padded" in exact_layouts(model, LONGEST)
    else:
        with pytest.raises(EngineError, match="not causal") as refused:
            exact_layouts(model, LONGEST)
        assert refused.value.code == "unsupported_architecture"
        assert "is_decoder" in str(refused.value.fields["remedy"])
