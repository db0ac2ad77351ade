"""Exports a LoRA adapter as GGUF, and a Modelfile for Ollama; verified with llama.cpp over its base model.

By hand: `python -m services.export.engine.gguf_adapter_export spec.json`.
"""

import gc
from pathlib import Path
from typing import Any

from services.export.engine.finalize import finalize
from services.export.engine.gguf.adapter import write_adapter
from services.export.engine.gguf.architectures import context_of
from services.export.engine.gguf.modelfile import modelfile
from services.export.engine.gguf.verify import verify_gguf
from services.export.engine.gguf.writer import write_model
from services.export.engine.gguf_export import DTYPES
from services.export.engine.reference import run_tuned
from services.export.engine.tuned_model import StageReporter, open_model
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "writing GGUF", "verifying with llama.cpp", "archiving"]
ADAPTER_FILE, BASE_FILE = "adapter.gguf", "base.gguf"


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the adapter of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`.

    The base model is written beside it for the check alone, in float32, and is not part of the export.
    """
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder, kind = open_model(spec), Path(spec["out"]) / "files", spec["quantization"]
    folder.mkdir()
    expected = run_tuned(tuned, spec, reporter)
    stages.next()
    base, base_file = load_model(tuned.reference["base"], dtype=tuned.dtype), Path(spec["out"]) / BASE_FILE
    write_adapter(folder / ADAPTER_FILE, Path(tuned.reference["path"]), base.config, kind, spec["top"], reporter.alive)
    text = modelfile(tuned, f"./{BASE_FILE}", context_of(base.config), ADAPTER_FILE)
    (folder / "Modelfile").write_text(text, "utf-8")
    if python := spec["llama_cpp_python"]:
        write_model(base_file, base, tuned.tokenizer, tuned.template, "f32", "base", reporter.alive)
    del base
    gc.collect()
    stages.next()
    check = verify_gguf(python, tuned, expected, base_file, DTYPES[kind], reporter, folder / ADAPTER_FILE)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "gguf_adapter", tuned, folder, {**check, "quantization": kind})


if __name__ == "__main__":
    run_from_shell(main)
