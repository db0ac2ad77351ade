"""The export gate in every format for a second architecture, Qwen3, trained in full, with LoRA and with QLoRA.

Quantized files of a random model drift; those of trained ones are in test_gguf.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from services.export.engine import adapter_export, gguf_adapter_export, gguf_export, onnx_export, torch_export
from shared.engine.process.protocol import null_reporter
from tests.models.test_gguf import NoCommands, full, save, spec
from tests.support.tiny_model import make_tiny_adapter

OF_ALL = (
    (torch_export, "f32"),
    (onnx_export, "f32"),
    (gguf_export, "f32"),
    (gguf_export, "f16"),
)
OF_ADAPTERS = ((adapter_export, "f32"), (gguf_adapter_export, "f32"), (gguf_adapter_export, "f16"))


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_format_is_verified(tmp_path: Path, method: str) -> None:
    base = save(tmp_path / "model", "qwen3")
    adapter = {"path": str(tmp_path / "adapter"), "kind": "adapter", "base": full(base)}
    if method != "full":
        make_tiny_adapter(base, tmp_path / "adapter")
    for export, kind in OF_ALL if method == "full" else (*OF_ALL, *OF_ADAPTERS):
        if (export, method) == (onnx_export, "qlora"):
            continue  # the same merged model as with LoRA; tracing takes most of the time
        out = tmp_path / f"{export.__name__}-{kind}"
        request = spec(full(base) if method == "full" else adapter, out, kind, method=method)
        check = export.main(request, null_reporter(), NoCommands())["check"]
        assert check["verdict"] == "verified", (out.name, check)
