"""Loads models safely: safetensors only, no code from the model, no network, always an explicit dtype."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from shared.engine.loading.safety import ModelRef, check_folder, read_json
from shared.engine.loading.weight_files import weight_shapes
from shared.engine.process.protocol import EngineError

Quantization = Literal["nf4", "int8"]
Device = Literal["auto", "cpu", "cuda"]

_SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_UNUSED = re.compile(r"(^|[._])(visual|vision|image|audio|multi_modal)|rotary_emb\.inv_freq$|\.masked_bias$")
"""Names of weights without an effect on text: encoders of other modalities, and buffers of old transformers."""
_EXTRA_PREDICTION_LAYER = ".eh_proj.weight"
"""Only a layer that predicts further tokens has this weight (DeepSeek-V3, arXiv 2412.19437); training leaves it out."""
_LOADABLE_QUANTIZATIONS = ("bitsandbytes", "mxfp4", "fp8")


def load_model(
    ref: ModelRef,
    *,
    dtype: str,
    quantization: Quantization | None = None,
    device: Device = "auto",
    merge: bool = True,
    config_changes: Mapping[str, Any] | None = None,
) -> Any:
    """Load a model in `dtype` ("float32", "bfloat16", "float16"), in eval mode.

    An adapter is merged into its base, or with merge=False returned as a PeftModel over it. Device `auto` places the
    model on all available GPUs, or on the CPU without any. `config_changes` replace values of the text configuration,
    by name, with dots in nested ones. Raises EngineError: unsafe_model, model_incomplete, unsupported_architecture,
    quantization_unsupported, merge_into_quantized.
    """
    transformers_logging.disable_progress_bar()
    if ref["kind"] == "full":
        return _load_full(Path(ref["path"]), dtype, quantization, device, config_changes or {})
    if merge and quantization:
        raise EngineError(
            "merge_into_quantized",
            "merging an adapter into a quantized base loses accuracy",
            remedy="load the base unquantized, or keep the adapter separate",
        )
    check_folder(Path(ref["path"]), "adapter")
    base = load_model(ref["base"], dtype=dtype, quantization=quantization, device=device, config_changes=config_changes)
    return _apply(base, Path(ref["path"]), merge)


def _load_full(
    path: Path, dtype: str, quantization: Quantization | None, device: Device, config_changes: Mapping[str, Any]
) -> Any:
    check_folder(path)
    _refuse_quantized(path)
    config = _known_config(path)
    for name, value in config_changes.items():
        _set(config.get_text_config(), name, value)
    model, report = _read(
        lambda: AutoModelForCausalLM.from_pretrained(
            path,
            config=config,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            quantization_config=_quantizer(quantization, dtype),
            device_map=_device_map(device),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # _require_complete names them
            **_SAFE,
        ),
        quantization,
    )
    _require_complete(model, report)
    return model.eval()


def _set(config: Any, name: str, value: Any) -> None:
    """Set a value of a configuration; a name with dots leads into nested ones."""
    parent, _, rest = name.partition(".")
    if rest:
        _set(config[parent] if isinstance(config, dict) else getattr(config, parent), rest, value)
    elif isinstance(config, dict):
        config[name] = value
    else:
        setattr(config, name, value)


def load_outline(folder: Path) -> Any:
    """The model on the meta device, without weights: their names and shapes are compared with the files' headers.

    Weights that are stored quantized are not compared. Raises EngineError like `load_model`, and any error of
    transformers for values of config.json that it cannot use.
    """
    transformers_logging.disable_progress_bar()
    _refuse_quantized(folder)
    config = _known_config(folder)
    if hasattr(config, "quantization_config"):
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    weights = {name: torch.empty(shape, device="meta") for name, shape in weight_shapes(folder).items()}
    model, report = model_class.from_pretrained(
        None,
        config=config,
        state_dict=weights,
        dtype=torch.float32,
        device_map={"": "meta"},
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    _require_complete(model, report)
    return model


def _refuse_quantized(folder: Path) -> None:
    """Refuse weights in a quantized format that cannot be loaded. Raises EngineError quantization_unsupported."""
    quantization = read_json(folder / "config.json").get("quantization_config")
    if not isinstance(quantization, dict) or quantization.get("load_in_4bit") or quantization.get("load_in_8bit"):
        return  # bitsandbytes; older versions write no quant_method
    if (method := quantization.get("quant_method")) not in _LOADABLE_QUANTIZATIONS:
        detail = f"the weights are quantized already ({method or 'in an unknown format'}), which cannot be trained here"
        raise EngineError("quantization_unsupported", detail, remedy="Choose the model with unquantized weights.")


def _require_complete(model: Any, report: Mapping[str, Any]) -> None:
    """Every weight of the model comes from the files, and every one of the files is used: transformers only warns."""
    if missing := sorted(report["missing_keys"]):
        _refuse_weights(f"weights are missing, such as {missing[0]}", missing=len(missing))
    if mismatched := sorted(report["mismatched_keys"]):
        name, stored, expected = mismatched[0]
        sizes = f"{name} has the shape {list(stored)} in the weights, and {list(expected)} by config.json"
        _refuse_weights(f"{len(mismatched)} weights have other shapes than config.json describes: {sizes}")
    if unexpected := _unexpected(model, report["unexpected_keys"]):
        detail = f"{len(unexpected)} weights have no place in the model that config.json describes, such as"
        _refuse_weights(f"{detail} {unexpected[0]}", unexpected=len(unexpected))


def _refuse_weights(detail: str, **fields: Any) -> NoReturn:
    remedy = "Upload config.json and the weights of the same model, all files of it."
    raise EngineError("model_incomplete", detail, remedy=remedy, **fields)


def _unexpected(model: Any, names: Iterable[str]) -> list[str]:
    """Those of the weights that transformers does not use which should have an effect on text."""
    buffers = {name for name, _ in model.named_buffers()}
    extra = tuple(
        name.removesuffix(_EXTRA_PREDICTION_LAYER) + "." for name in names if name.endswith(_EXTRA_PREDICTION_LAYER)
    )
    return sorted(
        name for name in names if name not in buffers and not _UNUSED.search(name) and not name.startswith(extra)
    )


def _known_config(path: Path) -> Any:
    try:
        config = AutoConfig.from_pretrained(path, **_SAFE)
        known = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    except (ValueError, KeyError, ImportError):
        known = False
    if not known:
        raise EngineError(
            "unsupported_architecture",
            "this is not a causal language model that transformers knows",
            remedy="choose another base model, or upgrade transformers",
        )
    return config


def _apply(base: Any, adapter: Path, merge: bool) -> Any:
    model = _read(lambda: attach_adapter(base, adapter))
    return model.merge_and_unload(safe_merge=True).eval() if merge else model.eval()


def attach_adapter(model: Any, folder: Path, name: str = "default", *, only_peft: bool = False) -> Any:
    """Load an adapter over a model or PeftModel with peft and return the PeftModel.

    peft renames the weights of models whose checkpoints transformers renames, some of them wrongly (the shared experts
    of Laguna), and only warns that they are not loaded. Weights that have the model's own names are loaded by these,
    unless `only_peft` is set. Raises EngineError model_incomplete if weights remain that are not loaded.
    """
    from peft import PeftModel, set_peft_model_state_dict

    stored = _read(lambda: load_file(folder / "adapter_model.safetensors"))
    if isinstance(model, PeftModel):
        model.load_adapter(str(folder), name, local_files_only=True)
    else:
        model = PeftModel.from_pretrained(model, str(folder), name, local_files_only=True)
    report: Any = set_peft_model_state_dict(model, stored, adapter_name=name)
    missing = {key: "".join(key.rsplit(f".{name}", 1)) for key in report.missing_keys if f".{name}." in f"{key}."}
    own = {} if only_peft else {key: stored[short] for key, short in missing.items() if short in stored}
    model.load_state_dict(own, strict=False)
    remedy = "Export the merged model." if only_peft else "Restore the adapter's files, or train it again."
    if lost := sorted({missing[key] for key in missing.keys() - own.keys()}):
        detail = f"{len(lost)} weights of the adapter are not loaded, such as {lost[0]}"
        raise EngineError("model_incomplete", detail, remedy=remedy)
    if len(report.unexpected_keys) > len(own):
        found = f"the adapter has {len(report.unexpected_keys) - len(own)} weights that the base model has no layer for"
        raise EngineError("model_incomplete", f"{found}, such as {min(report.unexpected_keys)}", remedy=remedy)
    return model


def _quantizer(quantization: Quantization | None, dtype: str) -> BitsAndBytesConfig | None:
    if quantization is None:
        return None
    if quantization == "int8":
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of every matmul that is not in fp16
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )


def _device_map(device: Device) -> str | dict[str, str]:
    if device == "auto":
        return "auto" if torch.cuda.is_available() else {"": "cpu"}
    return {"": device}


def _read(load: Callable[[], Any], quantization: Quantization | None = None) -> Any:
    """Call `load` and report a damaged file as EngineError; out of memory and a full disk keep their own exceptions."""
    try:
        return load()
    except SafetensorError as error:
        raise EngineError("model_incomplete", f"a weight file is damaged: {error}", remedy="upload it again") from error
    except (ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        if quantization:
            detail = f"the model cannot be quantized to {quantization}: {error}"
            raise EngineError("quantization_unsupported", detail, remedy="use it unquantized") from error
        raise EngineError(
            "model_incomplete", f"the model cannot be read: {error}", remedy="Upload it again."
        ) from error
