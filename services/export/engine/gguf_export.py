"""Exports one GGUF file with tokenizer and chat template, and a Modelfile for Ollama; verified with llama.cpp.

By hand: `python -m services.export.engine.gguf_export spec.json`.
"""

import gc
from pathlib import Path
from typing import Any

from services.export.engine.finalize import finalize
from services.export.engine.gguf.architectures import context_of
from services.export.engine.gguf.modelfile import modelfile
from services.export.engine.gguf.verify import verify_gguf
from services.export.engine.gguf.writer import write_model
from services.export.engine.reference import run_tuned
from services.export.engine.tuned_model import StageReporter, TunedModel, open_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell

STAGES = ["loading the tuned model", "writing GGUF", "verifying with llama.cpp", "archiving"]
MODEL_FILE = "model.gguf"
DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Export the model of `spec` into `out`/files, verify and archive it. Returns the result of `finalize`."""
    stages = StageReporter(reporter, commands, STAGES)
    stages.next()
    tuned, folder, kind = open_model(spec), Path(spec["out"]) / "files", spec["quantization"]
    folder.mkdir()
    expected = run_tuned(tuned, spec, reporter)
    stages.next()
    context, types = write(tuned, folder / MODEL_FILE, kind, spec, reporter)
    (folder / "Modelfile").write_text(modelfile(tuned, f"./{MODEL_FILE}", context), "utf-8")
    gc.collect()
    stages.next()
    python = spec["llama_cpp_python"]
    check = verify_gguf(python, tuned, expected, folder / MODEL_FILE, DTYPES.get(kind, kind), reporter)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "gguf", tuned, folder, {**check, "quantization": kind, "tensor_types": types})


def write(
    tuned: TunedModel, path: Path, kind: str, spec: dict[str, Any], reporter: Reporter
) -> tuple[int, dict[str, int]]:
    """Write the merged model; return its context length, and how many tensors have each type."""
    model, python = tuned.load_merged(), spec["llama_cpp_python"]
    types = write_model(path, model, tuned.tokenizer, tuned.template, kind, spec["top"], reporter.alive, python)
    return int(context_of(model.config)), types


if __name__ == "__main__":
    run_from_shell(main)
