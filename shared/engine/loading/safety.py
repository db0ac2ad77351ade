"""Checks a model folder before anything in it is loaded: safetensors weights, no remote code, no missing file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.engine.process.protocol import EngineError

ModelRef = Mapping[str, Any]
"""{"path": str, "kind": "full" | "adapter", "base": ModelRef | None}: a model folder, or an adapter over a base."""
PICKLE_SUFFIXES = frozenset((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"))
"""Formats that can run code when they are read."""


def check_folder(folder: Path, kind: str = "full") -> None:
    """Check a model ("full") or adapter ("adapter") folder without reading weights.

    Raises EngineError `model_incomplete` or `unsafe_model`, each with a remedy.
    """
    if not folder.is_dir():
        raise EngineError("model_incomplete", f"there is no folder {folder.name}", remedy="upload the model again")
    if not any(folder.glob("*.safetensors")):
        _refuse_pickles(folder)
    if kind == "adapter" or not is_native(folder):
        _refuse_remote_code(folder / "config.json")
    for name in ("tokenizer_config.json", "adapter_config.json"):
        _refuse_remote_code(folder / name)
    required = (
        ["adapter_config.json", "adapter_model.safetensors"]
        if kind == "adapter"
        else ["config.json", *weight_files(folder)]
    )
    _require(folder, required)
    if kind == "full" and "model.safetensors" in unused_weight_files(folder):
        detail = "the folder holds both model.safetensors and an index (model.safetensors.index.json) of other files"
        raise EngineError("model_incomplete", detail, remedy="keep only one of them, with its weight files")


def pickle_files(folder: Path) -> list[str]:
    """Names of the folder's pickle files. Beside safetensors weights they are never read."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLE_SUFFIXES)


def weight_files(folder: Path) -> list[str]:
    """Names of the files that hold a full model's weights: those of its index, or model.safetensors."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return ["model.safetensors"]
    return sorted({str(name) for name in read_json(index).get("weight_map", {}).values()})


def unused_weight_files(folder: Path) -> list[str]:
    """Names of safetensors files that are no part of the model, such as Mistral's consolidated.safetensors."""
    return sorted({path.name for path in folder.glob("*.safetensors")} - {*weight_files(folder)})


def is_native(folder: Path) -> bool:
    """Whether transformers has code of its own for the model type, so that code of the model is not needed."""
    from transformers import CONFIG_MAPPING

    path = folder / "config.json"
    return path.exists() and str(read_json(path).get("model_type")) in CONFIG_MAPPING


def _refuse_pickles(folder: Path) -> None:
    if found := pickle_files(folder):
        raise EngineError(
            "unsafe_model",
            f"pickle files can run code when they are read: {', '.join(found[:5])}",
            remedy="keep only safetensors weights; convert with save_pretrained(safe_serialization=True)",
        )


def _refuse_remote_code(path: Path) -> None:
    if path.exists() and "auto_map" in read_json(path):
        raise EngineError(
            "unsafe_model",
            f"{path.name} names Python code of its own (auto_map)",
            remedy="use a model whose architecture is part of transformers",
        )


def _require(folder: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise EngineError(
            "model_incomplete", f"the model lacks {', '.join(missing[:5])}", remedy="upload all files of the model"
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a model folder; raises EngineError `model_incomplete` if it is damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise EngineError("model_incomplete", f"{path.name} is not JSON", remedy="upload it again") from error
    if not isinstance(content, dict):
        raise EngineError("model_incomplete", f"{path.name} is not a JSON object", remedy="upload it again")
    return content
