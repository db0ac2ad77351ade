"""Exports one GGUF file with tokenizer and chat template, and a Modelfile for Ollama; verified with llama.cpp.

By hand: `python -m services.export.engine.gguf_export spec.json`.
"""

import gc
import subprocess
from pathlib import Path
from typing import Any

from services.export.engine.finalize import finalize
from services.export.engine.gguf.architectures import context_of
from services.export.engine.gguf.modelfile import modelfile
from services.export.engine.gguf.verify import verify_gguf
from services.export.engine.gguf.writer import TYPES, write_model
from services.export.engine.reference import run_tuned
from services.export.engine.tuned_model import StageReporter, TunedModel, open_model
from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

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
    context = write(tuned, folder / MODEL_FILE, kind, spec, reporter)
    (folder / "Modelfile").write_text(modelfile(tuned, f"./{MODEL_FILE}", context), "utf-8")
    gc.collect()
    stages.next()
    python = spec["llama_cpp_python"]
    check = verify_gguf(python, tuned, expected, folder / MODEL_FILE, DTYPES.get(kind, kind), reporter)
    stages.next()
    with reporter.span(STAGES[-1]):
        return finalize(spec, "gguf", tuned, folder, {**check, "quantization": kind})


def write(tuned: TunedModel, path: Path, kind: str, spec: dict[str, Any], reporter: Reporter) -> int:
    """Write the merged model; return its context length. k-quants are made by llama-quantize of a float32 file."""
    model = tuned.load_merged()
    direct = kind in TYPES
    written = path if direct else path.with_name("float32.gguf")
    write_model(written, model, tuned.tokenizer, tuned.template, kind if direct else "f32", spec["top"], reporter.alive)
    if not direct:
        quantize(spec["llama_quantize"], written, path, kind, reporter)
    return int(context_of(model.config))


def quantize(command: str, source: Path, target: Path, kind: str, reporter: Reporter) -> None:
    """Quantize with llama.cpp's own program, and delete the source. Raises EngineError `llama_quantize_failed`."""
    process = subprocess.Popen(  # noqa: S603 - the operator's setting
        [command, str(source), str(target), kind.upper()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    last = ""
    for line in process.stdout:  # one per tensor
        last = line.decode(errors="replace").strip() or last
        reporter.alive()
    if process.wait():
        raise EngineError("llama_quantize_failed", f"llama-quantize ended with {process.returncode}: {last[:300]}")
    source.unlink()


if __name__ == "__main__":
    run_from_shell(main)
