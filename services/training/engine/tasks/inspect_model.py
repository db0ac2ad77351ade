"""Checks a model folder before it becomes a base model (safe, complete, known architecture) and describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.engine.loading.safety import check_folder, read_json
from shared.engine.loading.weight_files import count_parameters
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"path": folder}; result: fields of the base model's manifest (base_models/inspection.py, DESCRIBED).

    Reads only the headers of the weight files. Raises EngineError model_incomplete, unsafe_model,
    unsupported_architecture.
    """
    folder = Path(spec["path"])
    if (folder / "adapter_config.json").exists():
        remedy = "Merge the adapter into its base and upload the merged model."
        raise EngineError("unsafe_model", "this is an adapter, not a base model", remedy=remedy)
    check_folder(folder)
    config = read_json(folder / "config.json")
    tokenizer = load_tokenizer({"path": str(folder), "kind": "full", "base": None})
    architecture, loaded = _architecture(folder, config)
    template, parameters = ChatTemplate.of(tokenizer), count_parameters(folder)
    return {
        "architecture": architecture,
        "parameters": parameters,
        "context_length": context_length(config),
        "template_hash": template.hash,
        "has_template": bool(tokenizer.chat_template),
        "ends": bool(template.stop_ids),
        "shape": _shape(loaded, parameters, _bytes(folder)),
    }


def _shape(config: Any, parameters: int, stored: int) -> dict[str, Any] | None:
    """The model's shape (shared/blobs/manifests.py); None if the config does not have these fields."""
    text = config.get_text_config()
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
    sizes = [size for name in names if isinstance(size := getattr(text, name, None), int) and size > 0]
    if len(sizes) < len(names):
        return None
    hidden, heads, layers, vocab = sizes
    return {
        "parameters": parameters,
        "hidden": hidden,
        "layers": layers,
        "heads": heads,
        "kv_heads": getattr(text, "num_key_value_heads", None) or heads,
        "head_size": getattr(text, "head_dim", None) or hidden // heads,
        "mlp": getattr(text, "intermediate_size", None) or getattr(text, "n_inner", None) or 4 * hidden,
        "vocab": vocab,
        "tied": bool(config.tie_word_embeddings),
        "stored": round(stored / max(1, parameters), 3),
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _architecture(folder: Path, config: dict[str, Any]) -> tuple[str, Any]:
    """The architecture's name and transformers' config. Raises EngineError unsupported_architecture."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    try:
        loaded = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        known = type(loaded) in MODEL_FOR_CAUSAL_LM_MAPPING
    except (ValueError, KeyError, ImportError):
        known = False
    if not known:
        raise EngineError(
            "unsupported_architecture",
            f"{config.get('model_type', 'this')} is not a causal language model that transformers supports",
            remedy="Choose another base model.",
        )
    return str((config.get("architectures") or [config["model_type"]])[0]), loaded


def context_length(config: dict[str, Any]) -> int:
    """The model's context length in tokens, 0 if its config does not give one."""
    text = config.get("text_config") or config
    return int(text.get("max_position_embeddings") or text.get("n_positions") or text.get("n_ctx") or 0)
