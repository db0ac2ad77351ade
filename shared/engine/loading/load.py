"""Loads models safely: safetensors only, no code from the model, no network, always an explicit dtype."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from shared.engine.loading.safety import ModelRef, check_folder
from shared.engine.process.protocol import EngineError

Quantization = Literal["nf4", "int8"]
Device = Literal["auto", "cpu", "cuda"]

_SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_model(
    ref: ModelRef,
    *,
    dtype: str,
    quantization: Quantization | None = None,
    device: Device = "auto",
    merge: bool = True,
) -> Any:
    """Load a model in `dtype` ("float32", "bfloat16", "float16"), in eval mode.

    An adapter is merged into its base, or with merge=False returned as a PeftModel over it. Device `auto` places the
    model on all available GPUs, or on the CPU without any. Raises EngineError: unsafe_model, model_incomplete,
    unsupported_architecture, merge_into_quantized.
    """
    transformers_logging.disable_progress_bar()
    if ref["kind"] == "full":
        return _load_full(Path(ref["path"]), dtype, quantization, device)
    if merge and quantization:
        raise EngineError(
            "merge_into_quantized",
            "merging an adapter into a quantized base loses accuracy",
            remedy="load the base unquantized, or keep the adapter separate",
        )
    check_folder(Path(ref["path"]), "adapter")
    base = load_model(ref["base"], dtype=dtype, quantization=quantization, device=device)
    return _apply(base, Path(ref["path"]), merge)


def _load_full(path: Path, dtype: str, quantization: Quantization | None, device: Device) -> Any:
    check_folder(path)
    _require_known_architecture(path)
    model, report = _read(
        lambda: AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            quantization_config=_quantizer(quantization, dtype),
            device_map=_device_map(device),
            output_loading_info=True,
            **_SAFE,
        )
    )
    if missing := sorted(report["missing_keys"]):  # transformers initializes them at random and only warns
        raise EngineError("model_incomplete", f"weights are missing, such as {missing[0]}", missing=len(missing))
    return model.eval()


def _require_known_architecture(path: Path) -> None:
    try:
        known = type(AutoConfig.from_pretrained(path, **_SAFE)) in MODEL_FOR_CAUSAL_LM_MAPPING
    except (ValueError, KeyError, ImportError):
        known = False
    if not known:
        raise EngineError(
            "unsupported_architecture",
            "this is not a causal language model that transformers knows",
            remedy="choose another base model, or upgrade transformers",
        )


def _apply(base: Any, adapter: Path, merge: bool) -> Any:
    from peft import PeftModel

    model = _read(lambda: PeftModel.from_pretrained(base, str(adapter), local_files_only=True))
    return model.merge_and_unload(safe_merge=True).eval() if merge else model.eval()


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


def _read(load: Callable[[], Any]) -> Any:
    """Call `load` and report a damaged file as EngineError; out of memory and a full disk keep their own exceptions."""
    try:
        return load()
    except SafetensorError as error:
        raise EngineError("model_incomplete", f"a weight file is damaged: {error}", remedy="upload it again") from error
    except (ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise
        raise EngineError("model_incomplete", f"the model cannot be read: {error}") from error
