"""GGUF files as the `gguf` package reads them back, and what is refused. tests/models runs them with llama.cpp."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader
from gguf.quants import dequantize

from services.export.engine.gguf.adapter import write_adapter
from services.export.engine.gguf.architectures import architecture_of
from services.export.engine.gguf.modelfile import go_template
from services.export.engine.gguf.quantization import open_quantizer, type_of
from services.export.engine.gguf.vocabulary import pre_tokenizer
from services.export.engine.gguf.writer import write_model
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.tiny_model import make_tiny_adapter, make_tiny_model

BPE: dict[str, Any] = {"type": "BPE", "vocab": {}, "merges": []}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("gguf") / "model")


@pytest.mark.parametrize(("kind", "error"), [("f32", 0.0), ("f16", 1e-3), ("bf16", 1e-2), ("q8_0", 1e-2)])
def test_weights_are_read_back(base: Path, tmp_path: Path, kind: str, error: float) -> None:
    ref: Any = {"path": str(base), "kind": "full", "base": None}
    model, tokenizer = load_model(ref, dtype="float32", device="cpu"), load_tokenizer(ref)
    write_model(tmp_path / "m.gguf", model, tokenizer, ChatTemplate.of(tokenizer), kind, "tiny", lambda: None)
    reader = GGUFReader(tmp_path / "m.gguf")
    found = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    assert "output.weight" not in found  # tied
    pairs = {"token_embd": "model.embed_tokens", "blk.1.ffn_down": "model.layers.1.mlp.down_proj"}
    for ours, theirs in pairs.items():
        assert np.abs(found[f"{ours}.weight"] - weights[f"{theirs}.weight"]).max() <= error
    # A head of 16 rows: llama.cpp rotates rows 0 and 1 with each other, transformers rows 0 and 8.
    rows = [0, 8, 1, 9]
    expected = weights["model.layers.0.self_attn.q_proj.weight"][rows]
    assert np.abs(found["blk.0.attn_q.weight"][:4] - expected).max() <= error
    fields = reader.fields
    assert fields["tokenizer.ggml.tokens"].contents()[5] == tokenizer.convert_ids_to_tokens(5)
    assert fields["tokenizer.ggml.eos_token_id"].contents() == tokenizer.eos_token_id
    assert fields["tokenizer.ggml.pre"].contents() == "gpt-2"


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (Type.Q4_K, {"Q5_0": 166, "Q4_K": 16, "Q8_0": 15, "Q6_K": 14, "F32": 61}),
        (Type.Q5_K, {"Q5_1": 166, "Q5_K": 16, "Q8_0": 15, "Q6_K": 14, "F32": 61}),
        (Type.Q6_K, {"Q8_0": 181, "Q6_K": 30, "F32": 61}),
    ],
)
def test_types_of_k_quants_are_those_of_llama_quantize(kind: Type, counts: dict[str, int]) -> None:
    """SmolLM2-135M, whose rows of 576 weights are no multiple of 256; all bytes were compared by hand once."""
    shapes: dict[str, tuple[int, ...]] = {
        "attn_q": (576, 576),
        "attn_k": (192, 576),
        "attn_v": (192, 576),
        "attn_output": (576, 576),
    }
    shapes |= {"ffn_up": (1536, 576), "ffn_gate": (1536, 576), "ffn_down": (576, 1536)}
    shapes |= {"attn_norm": (576,), "ffn_norm": (576,)}
    named = {f"blk.{layer}.{name}.weight": shape for layer in range(30) for name, shape in shapes.items()}
    named |= {"token_embd.weight": (49152, 576), "output_norm.weight": (576,)}
    types = [type_of(name, torch.empty(shape, device="meta"), kind, 30, True) for name, shape in named.items()]
    assert Counter(found.name for found in types) == counts


def test_quantizer_without_llama_cpp_fails_with_the_cause() -> None:
    with open_quantizer(sys.executable) as quantize, pytest.raises(EngineError, match="xllamacpp") as failed:
        quantize(np.zeros((1, 256), np.float32), Type.Q4_K)
    assert failed.value.code == "llama_quantize_failed"


def test_adapter_has_its_alpha_and_permuted_rows(base: Path, tmp_path: Path) -> None:
    adapter = make_tiny_adapter(base, tmp_path / "adapter", use_rslora=True)
    config = load_model({"path": str(base), "kind": "full", "base": None}, dtype="float32", device="cpu").config
    write_adapter(tmp_path / "a.gguf", adapter, config, "f32", "tiny", lambda: None)
    reader = GGUFReader(tmp_path / "a.gguf")
    assert reader.fields["general.type"].contents() == "adapter"
    assert reader.fields["adapter.lora.alpha"].contents() == 16  # 8, times the square root of the rank 4
    shapes = {tensor.name: tensor.shape.tolist() for tensor in reader.tensors}
    assert (shapes["blk.0.attn_k.weight.lora_a"], shapes["blk.0.attn_k.weight.lora_b"]) == ([64, 4], [4, 32])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "gpt_neox"}, "the architecture gpt_neox"),
        ({"model_type": "gemma3_text"}, "the architecture gemma3_text"),
        ({"hidden_act": "gelu"}, "the activation gelu"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4}}, "the RoPE scaling dynamic"),
    ],
)
def test_architecture_that_a_file_cannot_express_is_refused(base: Path, changes: dict[str, Any], named: str) -> None:
    config = load_model({"path": str(base), "kind": "full", "base": None}, dtype="float32", device="cpu").config
    for name, value in changes.items():
        object.__setattr__(config, name, value)
    with pytest.raises(EngineError, match=named) as refused:
        architecture_of(config)
    assert refused.value.code == "gguf_unsupported"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": {"type": "Unigram"}}, "Unigram; only byte-level BPE"),
        ({"model": {**BPE, "byte_fallback": True}}, "SentencePiece's BPE"),
        ({"model": {**BPE, "ignore_merges": True}}, "the pre-tokenizer gpt2"),
        ({"normalizer": {"type": "Lowercase"}}, "the normalizer Lowercase"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "the pre-tokenizer Whitespace"),
        ({"added_tokens": [{"content": "<m>", "lstrip": True, "rstrip": False, "single_word": False}]}, "<m>"),
    ],
)
def test_tokenizer_that_llama_cpp_does_not_have_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(EngineError, match=named):
        pre_tokenizer({"model": BPE, "normalizer": None, "pre_tokenizer": BYTES, "added_tokens": [], **changes})


def test_go_template_is_derived_only_from_fixed_text_around_messages(base: Path) -> None:
    tokenizer = load_tokenizer({"path": str(base), "kind": "full", "base": None})
    template = ChatTemplate.of(tokenizer)
    assert "<|im_start|>user\n{{ .Content }}<|im_end|>\n" in (go_template(template, "") or "")
    strips = template.source.replace("message.content", "message.content | trim ~ loop.index")
    assert go_template(ChatTemplate(tokenizer, strips), "") is None
