"""A file that is damaged after it was written is found out in every format: it drifts, or the export fails.

The damage is done before the stage that verifies, as a wrong converter would do it. test_zoo_onnx.py does it to ONNX
files. `make test-models` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from services.export.engine import adapter_export, gguf_adapter_export, gguf_export, torch_export
from shared.engine.process.protocol import EngineError, null_reporter
from tests.models.test_gguf import NoCommands, full, save, spec
from tests.support.tiny_model import make_tiny_adapter

Damage = Callable[[Path], None]


class DamageBefore(NoCommands):
    """Damages the exported files as the third stage begins, which verifies them."""

    def __init__(self, files: Path, damage: Damage) -> None:
        self.files, self.damage, self.stages = files, damage, 0

    def poll(self) -> None:
        self.stages += 1
        if self.stages == 3:
            self.damage(self.files)


def change(path: Path, part: str, to: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Change the only tensor of a safetensors file whose name ends so."""
    weights = load_file(path)
    (name,) = (name for name in weights if name.endswith(part))
    save_file({**weights, name: to(weights[name]).contiguous()}, path, {"format": "pt"})


def split(files: Path) -> list[Path]:
    """Write the weights again, in shards."""
    AutoModelForCausalLM.from_pretrained(files).save_pretrained(files, max_shard_size="40KB")
    (files / "model.safetensors").unlink(missing_ok=True)
    shards = sorted(files.glob("model-*.safetensors"))
    assert len(shards) > 2
    return shards


def weights_reversed(files: Path) -> None:
    change(files / "model.safetensors", "layers.0.self_attn.k_proj.weight", lambda weight: weight.flip(0))


def shard_without_a_tensor(files: Path) -> None:
    """transformers draws random weights for it, and only warns."""
    shard = split(files)[1]
    weights = load_file(shard)
    save_file({name: weights[name] for name in list(weights)[1:]}, shard, {"format": "pt"})


def shard_missing(files: Path) -> None:
    split(files)[1].unlink()


def shard_cut_off(files: Path) -> None:
    shard = split(files)[1]
    shard.write_bytes(shard.read_bytes()[:-64])


def adapter_negated(files: Path) -> None:
    change(files / "adapter_model.safetensors", "layers.1.mlp.down_proj.lora_B.weight", torch.neg)


def gguf_rows_reversed(name: str, tensor: str) -> Damage:
    def damage(files: Path) -> None:
        found = next(found for found in GGUFReader(files / name, "r+").tensors if found.name == tensor)
        found.data[:] = np.flip(found.data, 0)

    return damage


def cut_off(name: str) -> Damage:
    def damage(files: Path) -> None:
        (files / name).write_bytes((files / name).read_bytes()[:-4096])

    return damage


DRIFTS: dict[str, tuple[Any, Damage]] = {
    "torch": (torch_export, weights_reversed),
    "adapter": (adapter_export, adapter_negated),
    "gguf": (gguf_export, gguf_rows_reversed("model.gguf", "blk.0.attn_k.weight")),
    "gguf_adapter": (gguf_adapter_export, gguf_rows_reversed("adapter.gguf", "blk.1.ffn_down.weight.lora_b")),
}
FAILS: dict[str, tuple[Any, Damage, str]] = {
    "torch, a shard without a tensor": (torch_export, shard_without_a_tensor, "weights are missing"),
    "torch, a shard missing": (torch_export, shard_missing, "lacks model-00002-of-"),
    "torch, a shard cut off": (torch_export, shard_cut_off, "weight file is damaged"),
    "adapter cut off": (adapter_export, cut_off("adapter_model.safetensors"), "weight file is damaged"),
    "gguf cut off": (gguf_export, cut_off("model.gguf"), "data is not within the file bounds"),
    "gguf_adapter cut off": (gguf_adapter_export, cut_off("adapter.gguf"), "llama.cpp cannot load"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("llama")
    base = save(folder / "model", "llama")
    return {"path": str(make_tiny_adapter(base, folder / "adapter")), "kind": "adapter", "base": full(base)}


def run(model: dict[str, Any], export: Any, out: Path, damage: Damage) -> dict[str, Any]:
    request = spec(model, out, method="lora")
    return dict(export.main(request, null_reporter(), DamageBefore(out / "files", damage))["check"])


@pytest.mark.parametrize("case", DRIFTS)
def test_wrong_weights_drift(model: dict[str, Any], tmp_path: Path, case: str) -> None:
    export, damage = DRIFTS[case]
    check = run(model, export, tmp_path / "out", damage)
    assert check["verdict"] == "drifted", check
    assert check["causes"]


@pytest.mark.parametrize("case", FAILS)
def test_unreadable_files_fail_the_export(model: dict[str, Any], tmp_path: Path, case: str) -> None:
    export, damage, cause = FAILS[case]
    with pytest.raises(EngineError, match=cause) as failed:
        run(model, export, tmp_path / "out", damage)
    assert failed.value.code in ("model_incomplete", "llama_cpp_failed")
