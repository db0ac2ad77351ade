"""The loader refuses unsafe and incomplete folders, and loads what was saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from shared.engine.loading.load import attach_adapter, load_model, load_outline
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


def add_tensor(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / "model.safetensors") | {name: torch.ones(3)}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return apply


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "unsafe_model"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "consolidated.PTH"), "unsafe_model"),
        (edit("config.json", model_type="evil", auto_map={"AutoModel": "evil.Model"}), "unsafe_model"),
        (edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}), "unsafe_model"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model_incomplete"),
        (lambda folder: (folder / "config.json").write_text("{"), "model_incomplete"),
        (truncate_weights, "model_incomplete"),
        (drop_a_tensor, "model_incomplete"),
        (edit("config.json", intermediate_size=256), "model_incomplete"),
        (edit("config.json", num_hidden_layers=1), "model_incomplete"),
        (add_tensor("score.weight"), "model_incomplete"),
        (edit("config.json", quantization_config={"quant_method": "awq", "bits": 4}), "quantization_unsupported"),
        (edit("config.json", model_type="martian"), "unsupported_architecture"),
        (edit("config.json", model_type="vit"), "unsupported_architecture"),
    ],
)
def test_unsafe_or_incomplete_folder_is_refused(copy: Path, damage: Callable[[Path], Any], code: str) -> None:
    damage(copy)
    with pytest.raises(EngineError) as refused:
        load_model(full(copy), dtype="float32", device="cpu")
    assert refused.value.code == code


@pytest.mark.parametrize("load", [load_outline, lambda folder: load_model(full(folder), dtype="float32", device="cpu")])
def test_weights_that_do_not_fit_the_configuration_are_named(copy: Path, load: Callable[[Path], Any]) -> None:
    edit("config.json", num_hidden_layers=1)(copy)
    with pytest.raises(EngineError, match=r"^9 weights have no place .* model\.layers\.1\.input_layernorm\.weight$"):
        load(copy)
    edit("config.json", num_hidden_layers=2, intermediate_size=256)(copy)
    shapes = r"\.0\.mlp\.down_proj\.weight has the shape \[64, 128\] in the weights, and \[64, 256\] by config\.json$"
    with pytest.raises(EngineError, match=shapes):
        load(copy)


@torch.inference_mode()
def test_weights_without_an_effect_on_text_are_allowed(copy: Path, model: Any) -> None:
    prediction = ("layers.2.eh_proj.weight", "layers.2.mlp.up_proj.weight")
    names = ("layers.0.self_attn.rotary_emb.inv_freq", "layers.0.self_attn.masked_bias", "vision_tower.weight")
    for name in (*prediction, *names):
        add_tensor(f"model.{name}")(copy)
    load_outline(copy)
    assert torch.equal(load_model(full(copy), dtype="float32", device="cpu")(IDS).logits, model(IDS).logits)


def test_model_that_is_there_twice_is_refused(copy: Path) -> None:
    shutil.copy(copy / "model.safetensors", copy / "a.safetensors")
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "a.safetensors"}}))
    with pytest.raises(EngineError, match=r"both model\.safetensors and an index"):
        load_model(full(copy), dtype="float32", device="cpu")


def test_pickles_and_code_beside_native_safetensors_are_not_read(copy: Path) -> None:
    edit("config.json", auto_map={"AutoModelForCausalLM": "evil.Model"})(copy)
    (copy / "pytorch_model.bin").write_bytes(b"not even a pickle")
    (copy / "evil.py").write_text("raise SystemExit('ran')")
    assert type(load_model(full(copy), dtype="float32", device="cpu")).__module__.startswith("transformers.")


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


@pytest.fixture
def laguna(tmp_path: Path) -> tuple[dict[str, Any], torch.Tensor]:
    """An adapter on the shared experts, which peft renames to names that the model does not have, and its logits."""
    from peft import LoraConfig, get_peft_model
    from transformers import LagunaConfig, LagunaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "moe_intermediate_size": 16, "head_dim": 8, "vocab_size": 64}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "shared_expert_intermediate_size": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2}
    LagunaForCausalLM(LagunaConfig(**sizes, **experts, **heads)).save_pretrained(tmp_path / "base")
    base = full(tmp_path / "base")
    config = LoraConfig(r=4, target_modules=["gate_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    tuned = get_peft_model(load_model(base, dtype="float32", device="cpu"), config).eval()
    tuned.save_pretrained(tmp_path / "adapter")
    with torch.inference_mode():
        return {"path": str(tmp_path / "adapter"), "kind": "adapter", "base": base}, tuned(IDS).logits


@torch.inference_mode()
@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_adapter_weights_that_peft_renames_wrongly_are_loaded(laguna: tuple[dict[str, Any], torch.Tensor]) -> None:
    ref, expected = laguna
    assert torch.equal(load_model(ref, dtype="float32", device="cpu", merge=False)(IDS).logits, expected)
    base = load_model(ref["base"], dtype="float32", device="cpu")
    with pytest.raises(EngineError, match=r"weights of the adapter are not loaded, such as .*shared_experts\.gate"):
        attach_adapter(base, Path(ref["path"]), only_peft=True)


@pytest.mark.parametrize(("old", "new", "error"), [("0", None, "are not loaded"), ("0", "7", "has no layer for")])
@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
def test_adapter_with_other_weights_than_its_layers_is_refused(
    adapter: dict[str, Any], old: str, new: str | None, error: str
) -> None:
    from safetensors.torch import load_file, save_file

    path = Path(adapter["path"]) / "adapter_model.safetensors"
    weights = load_file(path)
    key = next(name for name in weights if f"layers.{old}." in name)
    if new is None:
        del weights[key]
    else:
        weights[key.replace(f"layers.{old}.", f"layers.{new}.")] = weights[key].clone()
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(EngineError, match=error):
        load_model(adapter, dtype="float32", device="cpu")
