"""Accuracy of preflight's memory estimate: estimated and measured growth of an engine's peak above the libraries.

python benchmarks/preflight.py [--quick] [--rows FILE] [--minutes N]

Two models of 100 and 225 million random parameters are made on the spot. Every setting runs the engine as a job does,
in its own process: two steps of two micro-batches each, a checkpoint, the delivered model. The peak is the kernel's
(VmHWM). `--rows` keeps the measurements in a file, so that a long grid can be measured in several runs; estimates are
always computed again. The target is an error within 15 %, and that every setting estimated to fit runs.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.training.estimates import feasibility
from services.training.estimates.lengths import RowLengths
from services.training.jobs.defaults import ModelAndData, resolve_settings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.blobs.manifests import ModelShape
from shared.runtime.processes.children import clean_environment

TARGET_ERROR = 0.15
STEPS, MICRO_BATCHES, ROWS = 2, 2, 64
SIZES: dict[str, dict[str, Any]] = {
    "100M": {"hidden": 768, "layers": 12, "heads": 12, "kv_heads": 4, "mlp": 2048, "vocab": 32_000, "tied": True},
    "225M": {"hidden": 1024, "layers": 8, "heads": 16, "kv_heads": 8, "mlp": 2816, "vocab": 64_000, "tied": False},
}
HEAD_SIZE, CONTEXT, TEMPLATE_TOKENS = 64, 4096, 6
CHATML = (
    "{% for message in messages %}{{ '<|im_start|> ' + message.role + ' ' + message.content + ' <|im_end|> ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)


@dataclass(frozen=True)
class Setting:
    """A model and method, micro-batch tokens, and the length of rows in tokens: the longest, optionally the shortest.

    `recomputes`: with gradient checkpointing.
    """

    model: str
    method: str
    dtype: str
    tokens: int
    length: int
    shortest: int | None = None
    recomputes: bool = False

    @property
    def name(self) -> str:
        """The first column of the table."""
        checkpointing = " gc" if self.recomputes else ""
        return f"{self.model} {self.method:5} {self.dtype} {self.tokens:5} x {self.rows}{checkpointing}"

    @property
    def rows(self) -> str:
        """The length of the rows."""
        return f"{self.shortest}-{self.length}" if self.shortest else f"{self.length}"

    @property
    def batch_size(self) -> int:
        """Rows per step."""
        return max(1, self.tokens // self.length) * MICRO_BATCHES

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        draw = random.Random(0)
        return [draw.randint(self.shortest or self.length, self.length) for _ in range(ROWS)]


GRID = [
    Setting(*setting)
    for setting in (
        ("100M", "lora", "bf16", 512, 512),
        ("100M", "lora", "fp32", 512, 256),
        ("100M", "qlora", "bf16", 256, 128),
        ("100M", "full", "fp32", 256, 128),
        ("225M", "lora", "bf16", 256, 256),
        ("225M", "full", "fp32", 128, 128),
        ("100M", "lora", "fp32", 128, 128),
        ("100M", "qlora", "fp32", 256, 256),
        ("100M", "full", "bf16", 128, 128),
        ("100M", "lora", "bf16", 256, 256),
        ("100M", "full", "fp32", 256, 256),
        ("225M", "qlora", "bf16", 256, 256),
        ("100M", "lora", "fp32", 256, 256),
        ("100M", "qlora", "bf16", 512, 256),
        ("225M", "lora", "fp32", 256, 128),
        ("100M", "lora", "bf16", 384, 128),
        ("100M", "full", "fp32", 128, 128),
        ("100M", "qlora", "fp32", 128, 128),
        ("225M", "full", "fp32", 256, 256),
        ("100M", "lora", "fp32", 384, 192),
        ("100M", "qlora", "bf16", 384, 384),
        ("225M", "qlora", "fp32", 128, 128),
        ("100M", "lora", "bf16", 768, 384),
        ("100M", "full", "fp32", 512, 256),
        ("225M", "lora", "bf16", 384, 192),
        ("100M", "lora", "bf16", 512, 64, 60),
        ("225M", "full", "fp32", 256, 48, 44),
        ("100M", "qlora", "bf16", 384, 64, 60),
        ("100M", "lora", "bf16", 512, 96, 32),
        ("100M", "lora", "fp32", 512, 60, 20),
        ("100M", "lora", "fp32", 1024, 512, None, True),
        ("100M", "lora", "bf16", 1024, 256, None, True),
        ("100M", "full", "fp32", 512, 256, None, True),
        ("225M", "full", "bf16", 512, 256, None, True),
        ("100M", "qlora", "fp32", 512, 256, None, True),
        ("225M", "qlora", "bf16", 768, 384, None, True),
    )
]
QUICK = 4


def shape_of(model: str) -> ModelShape:
    """The shape that the inspection engine would report."""
    size = SIZES[model]
    hidden, keys = size["hidden"], size["kv_heads"] * HEAD_SIZE
    layer = 2 * hidden * size["heads"] * HEAD_SIZE + 2 * hidden * keys + 3 * hidden * size["mlp"] + 2 * hidden
    parameters = size["layers"] * layer + hidden + size["vocab"] * hidden * (1 if size["tied"] else 2)
    return ModelShape(parameters=parameters, head_size=HEAD_SIZE, stored=2, **size)


def estimate_peak(setting: Setting) -> int:
    """Estimated bytes above the libraries, as the API reports them."""
    shape = shape_of(setting.model)
    requested = TrainingSettings(
        method=setting.method,
        dtype=setting.dtype,
        micro_batch_tokens=setting.tokens,
        gradient_checkpointing=setting.recomputes,
        batch_size=setting.batch_size,
        max_steps=STEPS,
    )
    facts = ModelAndData(parameters=shape.parameters, context_length=CONTEXT, rows=ROWS, form="messages")
    resolved = resolve_settings(requested, facts, Machine(cpu=1, gpu=0, memory_gb=64), 1)
    samples = [(size, answer_tokens(size), size - answer_tokens(size), 1) for size in setting.lengths]
    lengths = RowLengths(samples, ROWS, 0)
    inputs = feasibility.EstimateInputs(shape, CONTEXT, lengths, limit=None, fast_bf16=False)
    return feasibility.job_memory(resolved, inputs).peak


def answer_tokens(length: int) -> int:
    """Trained tokens of a row: half of its words, and the end token."""
    return (length - TEMPLATE_TOKENS) // 2 + 1


def make_model(model: str, folder: Path) -> None:
    """Write a model of random bf16 weights and a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    size = SIZES[model]
    special = ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "user", "assistant"]
    words = [*special, *(f"w{i}" for i in range(size["vocab"] - len(special)))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=special[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=special[0],
        pad_token=special[1],
        extra_special_tokens=special[2:4],
        chat_template=CHATML,
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=size["vocab"],
        hidden_size=size["hidden"],
        intermediate_size=size["mlp"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["kv_heads"],
        head_dim=HEAD_SIZE,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=size["tied"],
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    made = LlamaForCausalLM(config).to(torch.bfloat16)
    assert sum(weight.numel() for weight in made.parameters()) == shape_of(model).parameters
    made.save_pretrained(folder)


def write_rows(path: Path, lengths: list[int]) -> None:
    """Write conversations of these lengths in tokens; half of each is the answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = random.Random(0)

    def words(count: int) -> str:
        return " ".join(f"w{draw.randrange(30_000)}" for _ in range(count))

    def row(length: int) -> str:
        answer = answer_tokens(length) - 1
        turns = {"user": words(length - TEMPLATE_TOKENS - answer), "assistant": words(answer)}
        return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns.items()]})

    rows = list(map(row, lengths))
    pq.write_table(pa.table({"row_id": range(len(rows)), "source": ["made"] * len(rows), "row": rows}), path)


def measure(setting: Setting, folder: Path) -> dict[str, Any]:
    """Run a setting in its own process."""
    model, rows = folder / setting.model, folder / f"{setting.rows}.parquet"
    if not model.exists():
        make_model(model.name, model)
    if not rows.exists():
        write_rows(rows, setting.lengths)
    with tempfile.TemporaryDirectory(dir=folder) as workdir:
        spec = {
            "workdir": workdir,
            "model": {"path": str(model)},
            "dataset": {"train": [str(rows)]},
            "hyperparameters": {
                "method": setting.method,
                "dtype": setting.dtype,
                "micro_batch_tokens": setting.tokens,
                "gradient_checkpointing": setting.recomputes,
                "batch_size": setting.batch_size,
                "max_steps": STEPS,
                "checkpoint_every": STEPS,
                "learning_rate": 1e-4,
                "threads": 1,
            },
            "output": f"{workdir}/model",
            "checkpoints": f"{workdir}/checkpoints",
        }
        command = [sys.executable, __file__, "--child"]
        env = {**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, env=env, input=json.dumps(spec), capture_output=True, text=True, check=False)
    if done.returncode:
        return {"ran": False, "error": done.stderr[-500:]}
    return {"ran": True, **json.loads(done.stdout.splitlines()[-1])}


def run_child() -> None:
    """Train with the spec from stdin; print the memory growth of this process and its last throughput."""
    import io

    import bitsandbytes  # noqa: F401  # counts as a library, whichever module imports it
    import peft  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401

    from services.training.engine.train import main as train
    from shared.engine.process.protocol import Commands, Reporter

    class ThroughputReporter(Reporter):
        """Keeps the last throughput and discards all messages."""

        tokens_per_second = 0.0

        def emit(self, kind: str, **data: Any) -> None:
            if kind == "metric":
                self.tokens_per_second = data.get("tokens_per_second", self.tokens_per_second)

    reporter, before = ThroughputReporter(os.open(os.devnull, os.O_WRONLY)), read_status("VmRSS")
    train(json.load(sys.stdin), reporter, Commands(io.BytesIO()))
    print(
        json.dumps(
            {
                "grown": read_status("VmHWM") - before,
                "libraries": before,
                "tokens_per_second": reporter.tokens_per_second,
            }
        )
    )


def read_status(name: str) -> int:
    """A field of /proc/self/status in bytes (proc(5))."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def read_measurements(path: Path | None) -> dict[str, dict[str, Any]]:
    """Earlier measurements by setting."""
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {Setting(**row["setting"]).name: row for row in rows}


def main() -> None:
    """Measure what is missing, estimate everything, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} settings of {len(GRID)}")
    parser.add_argument("--rows", type=Path, help="file that keeps the measurements")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no further setting after this time")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return run_child()
    grid, known, deadline = (
        GRID[:QUICK] if arguments.quick else GRID,
        read_measurements(arguments.rows),
        time.monotonic() + arguments.minutes * 60,
    )
    with tempfile.TemporaryDirectory() as folder:
        for setting in grid:
            if setting.name not in known and time.monotonic() < deadline:
                known[setting.name] = {"setting": asdict(setting), **measure(setting, Path(folder))}
                if arguments.rows:
                    with arguments.rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(known[setting.name]) + "\n")
    report([(setting, known[setting.name]) for setting in grid if setting.name in known])
    return None


def report(rows: list[tuple[Setting, dict[str, Any]]]) -> None:
    """Print the table and the RESULT line."""
    print(f"{'model, method, dtype, tokens x row':36}{'measured':>10}{'estimated':>11}{'error':>8}")
    errors = []
    for setting, row in rows:
        if not row["ran"]:
            print(f"{setting.name:36}{'did not run: ' + row['error']}")
            continue
        errors.append(estimate_peak(setting) / row["grown"] - 1)
        print(f"{setting.name:36}{row['grown'] / 1e6:7.0f} MB{estimate_peak(setting) / 1e6:8.0f} MB{errors[-1]:+8.1%}")
    sizes = [abs(error) for error in errors]
    result = {
        "settings": len(rows),
        "ran": len(errors),
        "within_15_percent": sum(size <= TARGET_ERROR for size in sizes),
        "largest_error": round(max(sizes), 3),
        "median_error": round(statistics.median(sizes), 3),
        "libraries_mb": round(statistics.median(row["libraries"] for _, row in rows if row["ran"]) / 1e6),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.libc_ver()[1]} libc",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
