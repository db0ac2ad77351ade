"""Loads tokenizers safely and without torch, which services that only count tokens do not need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from shared.engine.loading.safety import ModelRef, check_folder, read_json
from shared.engine.process.protocol import EngineError

MODEL_EOS_IDS = "model_eos_ids"
"""Attribute of a loaded tokenizer: the ids of the end tokens in the model's own configuration."""


def load_tokenizer(ref: ModelRef) -> Any:
    """Load a model's tokenizer; an adapter's own takes precedence over its base's.

    Raises EngineError: unsafe_model, model_incomplete.
    """
    path = Path(ref["path"])
    check_folder(path, ref["kind"])
    if (path / "tokenizer.json").exists() or (path / "tokenizer_config.json").exists():
        return _with_model_eos(_read(path), path, ref.get("base"))
    if ref.get("base"):
        return load_tokenizer(ref["base"])
    raise EngineError("model_incomplete", "the model has no tokenizer", remedy="upload tokenizer.json with the model")


def _read(path: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, RuntimeError) as error:
        raise EngineError(
            "model_incomplete", f"the tokenizer cannot be read: {error}", remedy="Upload it again."
        ) from error


def _with_model_eos(tokenizer: Any, path: Path, base: ModelRef | None) -> Any:
    """Attach the end tokens that the model's configuration names; one becomes the tokenizer's where it has none."""
    folder = path if (path / "config.json").exists() or base is None else Path(base["path"])
    ids = [id for id in configured_eos(folder) if id < len(tokenizer)]
    if tokenizer.eos_token is None and ids:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ids[0])
    setattr(tokenizer, MODEL_EOS_IDS, ids)
    return tokenizer


def configured_eos(folder: Path) -> list[int]:
    """`eos_token_id` of generation_config.json and config.json, each an id or a list of them."""
    found: list[Any] = []
    for name in ("generation_config.json", "config.json"):
        if (folder / name).exists():
            config = read_json(folder / name)
            texts = (config, config.get("text_config") or {})
            values = [text.get("eos_token_id") for text in texts if isinstance(text, dict)]
            found += [id for value in values for id in (value if isinstance(value, list) else [value])]
    return [id for id in dict.fromkeys(found) if isinstance(id, int) and id >= 0]
