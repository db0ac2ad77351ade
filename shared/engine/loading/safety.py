"""Checks a model folder before anything in it is loaded: safetensors weights, no remote code, no missing file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from shared.engine.process.protocol import EngineError
from shared.json_keys import RepeatedKey, unique_keys

ModelRef = Mapping[str, Any]
"""{"path": str, "kind": "full" | "adapter", "base": ModelRef | None}: a model folder, or an adapter over a base."""
PICKLE_SUFFIXES = frozenset((".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"))
"""Formats that can run code when they are read."""
_CODE = ("auto_map", "custom_generate")
"""Keys that name Python code of the model's own."""
_NEVER_RUN = ("config.json", "preprocessor_config.json", "processor_config.json")
"""Files whose `auto_map` is ignored if transformers has code of its own: many models were published before it had."""
_KERNELS = re.compile(r"kernels?_(config|mapping)$|^use_(hub_)?kernels$|(attn|attention|experts)_implementation")
"""Keys with which transformers loads compiled code (a kernel) from a hub."""
_INFINITE = "time_step_limit"
"""The one value of transformers' configurations that is infinite in published models (Mamba 2)."""


def check_folder(folder: Path, kind: str = "full") -> None:
    """Check a model ("full") or adapter ("adapter") folder without reading weights.

    Raises EngineError `model_incomplete` or `unsafe_model`, each with a remedy.
    """
    if not folder.is_dir():
        raise EngineError("model_incomplete", f"there is no folder {folder.name}", remedy="upload the model again")
    if not any(folder.glob("*.safetensors")):
        _refuse_pickles(folder)
    _refuse_code(folder, kind)
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
    named = read_json(index).get("weight_map")
    names: list[Any] = list(named.values()) if isinstance(named, dict) else [None]
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            detail = f"{index.name}: weight_map names {name!r} instead of a safetensors file in the same folder"
            raise EngineError("model_incomplete", detail, remedy="Upload the index of these weights.")
    return sorted(set(names))


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


def _refuse_code(folder: Path, kind: str) -> None:
    """Refuse a folder whose configurations name Python code or kernels at any depth, or values that are no numbers."""
    ignored = ignored_code(folder) if kind == "full" else []
    for path in sorted(folder.glob("*config*.json")):
        for field, key, value in values_of(read_json(path)):
            if key in _CODE and not (field == "auto_map" and path.name in ignored):
                remedy = f"Use a model whose architecture is part of transformers, or delete {field} from {path.name}."
                _refuse_field(path, field, "names Python code of the model's own", remedy)
            if _KERNELS.search(key) and (isinstance(value, dict) or value is True or "/" in str(value)):
                remedy = f"Delete {field} from {path.name}; the platform chooses its own kernels."
                _refuse_field(path, field, f"names compiled code of a hub ({str(value)[:100]})", remedy)
            if isinstance(value, float) and not (
                math.isfinite(value) or (_INFINITE in field and not math.isnan(value))
            ):
                _refuse_field(path, field, f"is {value}", "Correct it.", code="model_incomplete")


def _refuse_field(path: Path, field: str, detail: str, remedy: str, code: str = "unsafe_model") -> NoReturn:
    raise EngineError(code, f"{path.name}: {field} {detail}", remedy=remedy)


def ignored_code(folder: Path) -> list[str]:
    """The files that name Python code (`auto_map`) which never runs, because transformers has code of its own."""
    files = [folder / name for name in _NEVER_RUN if (folder / name).exists()] if is_native(folder) else []
    return [file.name for file in files if "auto_map" in read_json(file)]


def values_of(value: Any, field: str = "", key: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every value within a JSON value: its field (`text_config.layers[2].x`), the last key of that, and itself."""
    if field:
        yield field, key, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from values_of(inner, f"{field}.{name}" if field else name, name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from values_of(inner, f"{field}[{index}]", key)


def _require(folder: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise EngineError(
            "model_incomplete", f"the model lacks {', '.join(missing[:5])}", remedy="upload all files of the model"
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a model folder; raises EngineError `model_incomplete` if it is damaged."""
    try:
        content = json.loads(path.read_text("utf-8"), object_pairs_hook=unique_keys)
    except RepeatedKey as repeated:
        detail = f"{path.name}: {repeated}"
        raise EngineError("model_incomplete", detail, remedy="Keep one of them.") from repeated
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else "is not JSON"
        raise EngineError("model_incomplete", f"{path.name} {reason}", remedy="upload it again") from error
    if not isinstance(content, dict):
        raise EngineError("model_incomplete", f"{path.name} is not a JSON object", remedy="upload it again")
    return content
