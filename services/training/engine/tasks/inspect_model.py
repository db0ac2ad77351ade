"""Checks a model folder before it becomes a base model (safe, complete, known architecture) and describes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.training.base_models.ignored_files import pickles_ignored, weights_ignored
from shared.engine.loading.context import context_length, largest_size
from shared.engine.loading.safety import (
    check_folder,
    ignored_code,
    pickle_files,
    read_json,
    unused_weight_files,
    values_of,
)
from shared.engine.loading.weight_files import (
    count_bytes,
    count_parameters,
    require_finite,
    weight_dtypes,
    weight_shapes,
)
from shared.engine.process.protocol import Commands, EngineError, Reporter
from shared.engine.text.feature_probes import PROBES, TEXT
from shared.engine.text.rendering import TEMPLATE_REMEDY
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import configured_eos, load_tokenizer

_NEEDED_INPUTS = {"attention_mask", "logits_to_keep"}
"""Inputs of a forward pass without which rows of different lengths cannot be trained together."""

MAX_TRIAL_PARAMETERS = 150_000_000
"""Up to this size, a model is loaded and tried in seconds."""
TRIAL_TOKENS = 300
MAX_SIZE = 1 << 31
_MODULES = re.compile(r"(^|_)(num|n)_\w*(layer|block)|^(de|en)coder_layers$")
"""Names of counts in configurations; each module has a weight of its own."""
_SIZES = re.compile(r"(^|_)(num|n)_\w*(expert|head)|(^|_)(experts|heads)$|^(hidden|vocab)_size$|^n_embd$")
"""Names of sizes; each is at most a dimension of some weight, or a count of weights."""
_ADDRESS = re.compile(rb"<[^<>]{1,100} at 0x[0-9a-f]+>")
"""How Python writes an object that has no text, such as a method or a generator."""
_POSITIVE = (
    *("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "context_length"),
    *("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size", "vocab_size"),
)
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_EXPERT_MLP = ("moe_intermediate_size",)
_EXPERTS_PER_TOKEN = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k")
"""Names of a mixture's dimensions in configurations of transformers."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Spec {"path": folder}; result: fields of the base model's manifest (base_models/inspection.py, DESCRIBED).

    Reads every weight once; a model of at most MAX_TRIAL_PARAMETERS is loaded and tried too. Raises EngineError
    model_incomplete, template_unsupported, unsafe_model, unsupported_architecture, quantization_unsupported.
    """
    folder = Path(spec["path"])
    if (folder / "adapter_config.json").exists():
        remedy = "Merge the adapter into its base and upload the merged model."
        raise EngineError("unsafe_model", "this is an adapter, not a base model", remedy=remedy)
    check_folder(folder)
    config = read_json(folder / "config.json")
    parameters = count_parameters(folder)
    _refuse_sizes(folder, config)
    _refuse_dtypes(folder, config)
    architecture, loaded = _architecture(folder, config)
    tokenizer = load_tokenizer({"path": str(folder), "kind": "full", "base": None})
    with _remedy(TEMPLATE_REMEDY):
        template = ChatTemplate.of(tokenizer)
        _check_template(template)
    require_finite(folder)
    unknown = _unknown_tokens(folder, tokenizer, template)
    return {
        "architecture": architecture,
        "parameters": parameters,
        "context_length": context_length(loaded),
        "template_hash": template.hash,
        "has_template": bool(tokenizer.chat_template),
        "template_features": sorted(template.shown_features),
        "ends": bool(template.stop_ids),
        "shape": _shape(loaded, parameters, count_bytes(folder)),
        "warnings": [*_ignored(folder, config), *unknown, *_limits(folder, parameters)],
    }


def _check_template(template: ChatTemplate) -> None:
    """Raise EngineError for a template that does not end answers, show texts, or render the same text each time."""
    if not template.stop_ids:
        detail = "no file names an end token (eos): a model tuned from it would never end an answer"
        remedy = "Set eos_token in tokenizer_config.json, or eos_token_id in generation_config.json."
        raise EngineError("model_incomplete", detail, remedy=remedy)
    if not template.shows_text:
        template.render_samples(TEXT.row)  # raises what the template itself says
        detail = "its chat template does not show the texts of a question and its answer"
        raise EngineError("template_unsupported", detail, remedy=TEMPLATE_REMEDY)
    _refuse_addresses(template)


@contextmanager
def _remedy(remedy: str) -> Iterator[None]:
    """Add a remedy to errors that have none."""
    try:
        yield
    except EngineError as error:
        error.fields.setdefault("remedy", remedy)
        raise


def _refuse_sizes(folder: Path, config: dict[str, Any]) -> None:
    """Refuse sizes, at any depth, that no model of these weights has, before transformers builds anything of them."""
    shapes = weight_shapes(folder).values()
    largest = max([len(shapes), *(length for shape in shapes for length in shape)])
    for field, name, size in values_of(config):
        if not isinstance(size, int) or isinstance(size, bool):
            continue
        limit = len(shapes) if _MODULES.search(name) else largest if _SIZES.search(name) else MAX_SIZE
        below = size < 1 and name in _POSITIVE
        if abs(size) > limit or below:
            shown = str(size) if abs(size) < 10**12 else f"a number of {size.bit_length()} bits"
            allowed = "a model has at least 1" if below else f"these weights allow at most {limit}"
            detail = f"config.json: {field} is {shown}, and {allowed}"
            raise EngineError("model_incomplete", detail, remedy="Correct config.json, or upload the complete weights.")


def _refuse_addresses(template: ChatTemplate) -> None:
    """Refuse a template that writes an object's address, which differs between processes, in one of the probes."""
    for probe in (TEXT, *(PROBES[feature] for feature in template.shown_features & PROBES.keys())):
        for sample in template.render_samples(probe.row):
            if found := _ADDRESS.search(sample.data):
                detail = f"its chat template writes {found[0].decode('utf-8', 'replace')}: each rendering differs"
                raise EngineError("template_unsupported", detail, remedy=TEMPLATE_REMEDY)


def _refuse_dtypes(folder: Path, config: dict[str, Any]) -> None:
    """Refuse whole numbers as weights of a model that is not quantized: loading would only cast them."""
    for name, dtype in weight_dtypes(folder).items() if "quantization_config" not in config else ():
        if name.endswith(".weight") and dtype.startswith(("BOOL", "I", "U")):
            detail = f"{name} holds {dtype} numbers, but config.json describes no quantization (quantization_config)"
            raise EngineError("model_incomplete", detail, remedy="Upload the config.json of these weights.")


@contextmanager
def _config_errors() -> Iterator[None]:
    """What transformers raises for values that it cannot build a model of, as EngineError model_incomplete."""
    try:
        yield
    except (EngineError, MemoryError):
        raise
    except Exception as error:  # any kind, such as AttributeError, ZeroDivisionError or RecursionError
        shown = " ".join(str(error).split())[:300]
        detail = f"config.json cannot be used: {type(error).__name__}: {shown}"
        raise EngineError(
            "model_incomplete", detail, remedy="Correct config.json, or upload that of the weights."
        ) from error


def _ignored(folder: Path, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Warnings of what the folder holds and is not used."""
    if files := pickle_files(folder):
        yield pickles_ignored(files)
    if files := unused_weight_files(folder):
        yield weights_ignored(files)
    if files := ignored_code(folder):
        detail = f"{files[0]} names Python code (auto_map), which never runs: transformers' own {config['model_type']}"
        remedy = "Nothing, unless that code differs from transformers'."
        yield {"code": "auto_map_ignored", "detail": f"{detail} is used.", "remedy": remedy}


def _unknown_tokens(folder: Path, tokenizer: Any, template: ChatTemplate) -> list[dict[str, Any]]:
    """Warnings of added tokens that the embeddings lack (Gemma 3 1B has one, for images).

    Raises EngineError model_incomplete if other tokens lack them, or if the weights are not those of config.json.
    """
    from shared.engine.loading.load import load_outline

    with _config_errors():
        rows = load_outline(folder).get_input_embeddings().weight.shape[0]
    if beyond := [id for id in configured_eos(folder) if id >= rows]:
        detail = f"eos_token_id is {beyond[0]}, and the embeddings have {rows} rows"
        raise EngineError("model_incomplete", detail, remedy="Correct it in generation_config.json or config.json.")
    lacking = {token: index for token, index in tokenizer.get_vocab().items() if index >= rows}
    if not lacking:
        return []
    added = tokenizer.get_added_vocab()
    special = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    used = [token for token in lacking if token not in added or token in special or token in template.source]
    detail = f"the tokenizer has ids up to {max(lacking.values())}, and the embeddings have {rows} rows"
    if used:
        remedy = "Upload the tokenizer of these weights, or resize the embeddings (resize_token_embeddings) and upload."
        raise EngineError("model_incomplete", f"{detail}: {used[0]} has none", remedy=remedy)
    return [
        {
            "code": "tokens_without_embeddings",
            "detail": f"Texts with these added tokens cannot be used: {detail}.",
            "count": len(lacking),
            "example": min(lacking),
            "remedy": "Nothing, if no text contains them.",
        }
    ]


def _limits(folder: Path, parameters: int) -> Iterator[dict[str, Any]]:
    """Warnings of what a small model cannot do; each job and server finds out for itself (docs/reference/models.md).

    Raises EngineError for a model that cannot be loaded or trained.
    """
    if parameters > MAX_TRIAL_PARAMETERS:
        return
    from services.training.engine.model.trials import exact_layouts
    from shared.engine.decoding.generate import decoding_mode
    from shared.engine.loading.load import load_model

    model = load_model({"path": str(folder), "kind": "full", "base": None}, dtype="float32", device="cpu")
    if decoding_mode(model) == "uncached":
        cached = "past_key_values" in inspect.signature(model.forward).parameters
        reason = "A trial with a KV cache failed or gave other answers" if cached else "It takes no KV cache"
        detail = f"{reason}: answers are computed without one, which is slow."
        yield {"code": "slow_decoding", "detail": detail, "remedy": "Serve it with vLLM, if vLLM supports it."}
    if "packed" not in exact_layouts(model, TRIAL_TOKENS):
        detail = "Its layers mix documents that are packed into one row: training pads rows of similar lengths instead."
        yield {"code": "padded_only", "detail": detail, "remedy": "Nothing; training takes longer if lengths differ."}


def _shape(config: Any, parameters: int, stored: int) -> dict[str, Any] | None:
    """The model's shape (shared/blobs/manifests.py); None if the config does not have these fields."""
    text = config.get_text_config()
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
    sizes = [size for name in names if (size := largest_size(text, name)) > 0]
    if len(sizes) < len(names):
        return None
    hidden, heads, layers, vocab = sizes
    mlp = largest_size(text, "intermediate_size") or largest_size(text, "n_inner") or 4 * hidden
    experts = _first_size(text, _EXPERTS)
    return {
        "parameters": parameters,
        "hidden": hidden,
        "layers": layers,
        "heads": heads,
        "kv_heads": largest_size(text, "num_key_value_heads") or heads,
        "head_size": largest_size(text, "head_dim") or hidden // heads,
        "mlp": mlp,
        "vocab": vocab,
        "tied": bool(config.tie_word_embeddings),
        "stored": round(stored / max(1, parameters), 3),
        "experts": experts,
        "expert_mlp": (_first_size(text, _EXPERT_MLP) or mlp) if experts else 0,
        "experts_per_token": _first_size(text, _EXPERTS_PER_TOKEN) if experts else 0,
    }


def _first_size(config: Any, names: Sequence[str]) -> int:
    """The first of these fields that is a size of at least 2; 0 if there is none."""
    return next((size for name in names if (size := largest_size(config, name)) > 1), 0)


def _architecture(folder: Path, config: dict[str, Any]) -> tuple[str, Any]:
    """The architecture's name and transformers' config. Raises EngineError unsupported_architecture."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    reason = f"{config.get('model_type', 'this')} is not a causal language model that transformers supports"
    if str(config.get("model_type")) not in CONFIG_MAPPING:
        raise EngineError("unsupported_architecture", reason, remedy="Choose another base model.")
    with _config_errors():
        loaded = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model: Any = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(loaded), None)
    if model is not None and (missing := _NEEDED_INPUTS - inspect.signature(model.forward).parameters.keys()):
        reason, model = f"the forward pass of {model.__name__} has no {' and no '.join(sorted(missing))}", None
    if model is None:
        raise EngineError("unsupported_architecture", reason, remedy="Choose another base model.")
    names = config.get("architectures")
    named = str((names[0] if isinstance(names, list) and names else names) or model.__name__)
    if named.lower() != model.__name__.lower():
        detail = (
            f"config.json names the architecture {named}, but its model_type {loaded.model_type} is {model.__name__}"
        )
        remedy = f"If the weights are those of a {model.__name__}, write that name to architectures in config.json."
        raise EngineError("unsupported_architecture", detail, remedy=remedy)
    return model.__name__, loaded
