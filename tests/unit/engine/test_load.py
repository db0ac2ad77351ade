"""The loader refuses unsafe and incomplete folders, and loads what was saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from shared.engine.text.tokenizer import load_tokenizer

IDS = torch.arange(10, 40)[None]


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def full(path: Path) -> dict[str, Any]:
    return {"path": str(path), "kind": "full", "base": None}


@pytest.fixture
def adapter(tiny_model: Path, tmp_path: Path) -> dict[str, Any]:
    """A LoRA adapter over the tiny model, with weights that change its logits."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(load_model(full(tiny_model), dtype="float32", device="cpu"), config).save_pretrained(tmp_path / "a")
    return {"path": str(tmp_path / "a"), "kind": "adapter", "base": full(tiny_model)}


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | changes))

    return apply


def truncate_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def drop_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "pytorch_model.bin").write_bytes(b"x"), "unsafe_model"),
        (lambda folder: (folder / "consolidated.PTH").write_bytes(b"x"), "unsafe_model"),
        (edit("config.json", auto_map={"AutoModel": "evil.Model"}), "unsafe_model"),
        (edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}), "unsafe_model"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model_incomplete"),
        (lambda folder: (folder / "config.json").write_text("{"), "model_incomplete"),
        (truncate_weights, "model_incomplete"),
        (drop_a_tensor, "model_incomplete"),
        (edit("config.json", intermediate_size=256), "model_incomplete"),
        (edit("config.json", model_type="martian"), "unsupported_architecture"),
        (edit("config.json", model_type="vit"), "unsupported_architecture"),
    ],
)
def test_unsafe_or_incomplete_folder_is_refused(copy: Path, damage: Callable[[Path], Any], code: str) -> None:
    damage(copy)
    with pytest.raises(EngineError) as refused:
        load_model(full(copy), dtype="float32", device="cpu")
    assert refused.value.code == code


def test_missing_shard_is_named(copy: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EngineError, match="00001-of-00002"):
        load_model(full(copy), dtype="float32", device="cpu")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_model_has_the_requested_dtype(tiny_ref: dict[str, Any], dtype: str) -> None:
    model = load_model(tiny_ref, dtype=dtype, device="cpu")
    assert {parameter.dtype for parameter in model.parameters()} == {getattr(torch, dtype)}
    assert not model.training


@torch.inference_mode()
def test_merged_and_separate_adapter_give_the_same_logits(adapter: dict[str, Any], model: Any) -> None:
    merged = load_model(adapter, dtype="float32", device="cpu")
    separate = load_model(adapter, dtype="float32", device="cpu", merge=False)
    torch.testing.assert_close(merged(IDS).logits, separate(IDS).logits, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(merged(IDS).logits, model(IDS).logits, atol=1e-2)
    assert merged.get_output_embeddings().weight is merged.get_input_embeddings().weight


@torch.inference_mode()
@pytest.mark.parametrize("trained", ["embed_tokens", "lm_head"])
def test_adapter_with_untied_embeddings_survives_merge_and_save(
    tiny_ref: dict[str, Any], tmp_path: Path, trained: str
) -> None:
    from peft import LoraConfig, get_peft_model

    base = load_model(tiny_ref, dtype="float32", device="cpu")
    config = LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=[trained], task_type="CAUSAL_LM")
    tuned = get_peft_model(base, config)
    for name, parameter in tuned.named_parameters():
        if "modules_to_save" in name:
            parameter.data += 0.5 * torch.randn_like(parameter)
    expected = tuned.eval()(IDS).logits
    tuned.save_pretrained(tmp_path / "adapter")
    ref = {"path": str(tmp_path / "adapter"), "kind": "adapter", "base": tiny_ref}
    merged = load_model(ref, dtype="float32", device="cpu")
    torch.testing.assert_close(merged(IDS).logits, expected, atol=1e-4, rtol=1e-4)
    merged.save_pretrained(tmp_path / "merged")
    again = load_model(full(tmp_path / "merged"), dtype="float32", device="cpu")
    torch.testing.assert_close(again(IDS).logits, expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_adapter_over_an_adapter_is_loaded(adapter: dict[str, Any]) -> None:
    once = load_model(adapter, dtype="float32", device="cpu")
    twice = load_model({**adapter, "base": adapter}, dtype="float32", device="cpu")
    assert not torch.allclose(once(IDS).logits, twice(IDS).logits, atol=1e-2)


def test_adapter_without_weights_is_refused(adapter: dict[str, Any]) -> None:
    (Path(adapter["path"]) / "adapter_model.safetensors").unlink()
    with pytest.raises(EngineError) as refused:
        load_model(adapter, dtype="float32", device="cpu")
    assert refused.value.code == "model_incomplete"


def test_merging_into_a_quantized_base_is_refused(adapter: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as refused:
        load_model(adapter, dtype="float32", quantization="nf4", device="cpu")
    assert refused.value.code == "merge_into_quantized"


@torch.inference_mode()
def test_nf4_stays_close_to_the_original(tiny_ref: dict[str, Any], model: Any) -> None:
    small = load_model(tiny_ref, dtype="float32", quantization="nf4", device="cpu")
    agreement = torch.cosine_similarity(small(IDS).logits.float(), model(IDS).logits, dim=-1).mean()
    assert small.get_memory_footprint() < model.get_memory_footprint()
    assert agreement > 0.9


def test_adapters_own_tokenizer_takes_precedence(adapter: dict[str, Any], tokenizer: Any) -> None:
    assert load_tokenizer(adapter).get_vocab() == tokenizer.get_vocab()
    own = load_tokenizer(adapter["base"])
    own.add_tokens(["<new>"])
    own.save_pretrained(adapter["path"])
    assert "<new>" in load_tokenizer(adapter).get_vocab()
