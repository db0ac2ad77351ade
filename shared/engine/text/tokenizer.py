"""Loads tokenizers safely and without torch, which services that only count tokens do not need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from shared.engine.loading.safety import ModelRef, check_folder
from shared.engine.process.protocol import EngineError


def load_tokenizer(ref: ModelRef) -> Any:
    """Load a model's tokenizer; an adapter's own takes precedence over its base's.

    Raises EngineError: unsafe_model, model_incomplete.
    """
    path = Path(ref["path"])
    check_folder(path, ref["kind"])
    if (path / "tokenizer.json").exists() or (path / "tokenizer_config.json").exists():
        return _read(path)
    if ref.get("base"):
        return load_tokenizer(ref["base"])
    raise EngineError("model_incomplete", "the model has no tokenizer", remedy="upload tokenizer.json with the model")


def _read(path: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, RuntimeError) as error:
        raise EngineError("model_incomplete", f"the tokenizer cannot be read: {error}") from error
