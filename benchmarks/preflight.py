"""Accuracy of preflight's memory estimate: estimated and measured growth of an engine's peak above the libraries.

python benchmarks/preflight.py [--quick] [--only TEXT] [--rows FILE] [--minutes N] [--base FOLDER]

Two models of 100 and 225 million random parameters are made on the spot, and the bundled model is a third; with
`--base`, another grid runs over the model in that folder (`python -m tests.support.smollm2 FOLDER` makes one). Every
setting runs the engine as a job does, in its own process: two steps of two micro-batches each, a checkpoint, the
delivered model. The peak is the kernel's (VmHWM). `--rows` keeps the measurements in a file, so that a long grid can be
measured in several runs; estimates are always computed again. The target is an error within 15 %, and that every
setting estimated to fit runs.
"""

import argparse
import io
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.training.engine.tasks.inspect_model import main as describe_model
from services.training.estimates import feasibility
from services.training.estimates.lengths import RowLengths
from services.training.jobs.defaults import ModelAndData, resolve_settings
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.blobs.manifests import ModelShape
from shared.engine.process.protocol import Commands, Reporter, null_reporter
from shared.engine.text.lengths import main as count_lengths
from shared.runtime.processes.forkserver import clean_environment

TARGET_ERROR = 0.15
STEPS, MICRO_BATCHES, ROWS = 2, 2, 64
SIZES: dict[str, dict[str, Any]] = {
    "100M": {"hidden": 768, "layers": 12, "heads": 12, "kv_heads": 4, "mlp": 2048, "vocab": 32_000, "tied": True},
    "225M": {"hidden": 1024, "layers": 8, "heads": 16, "kv_heads": 8, "mlp": 2816, "vocab": 64_000, "tied": False},
}
BASE, SEEDLING = "base", "seedling"
BUNDLED = Path(__file__).parents[1] / "services/training/seedling"
HEAD_SIZE, CONTEXT = 64, 4096
CHATML = (
    "{% for message in messages %}{{ '<|im_start|> ' + message.role + ' ' + message.content + ' <|im_end|> ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)


@dataclass(frozen=True)
class Setting:
    """A model and method, micro-batch tokens, and the length of rows in tokens: the longest, optionally the shortest.

    `recomputes`: with gradient checkpointing. `objective`: sft, dpo or kto; a row of dpo is a pair of such answers.
    `evaluates`: with an evaluation, sample answers included, before and after each step.
    """

    model: str
    method: str
    dtype: str
    tokens: int
    length: int
    shortest: int | None = None
    recomputes: bool = False
    objective: str = "sft"
    evaluates: bool = False

    @property
    def name(self) -> str:
        """The first column of the table."""
        checkpointing = " gc" if self.recomputes else ""
        objective = "" if self.objective == "sft" else f" {self.objective}"
        more = f"{checkpointing}{objective}{' eval' if self.evaluates else ''}"
        return f"{self.model} {self.method:5} {self.dtype} {self.tokens:5} x {self.rows}{more}"

    @property
    def rows(self) -> str:
        """The length of the rows."""
        return f"{self.shortest}-{self.length}" if self.shortest else f"{self.length}"

    @property
    def batch_size(self) -> int:
        """Rows per step."""
        row = self.length * (2 if self.objective == "dpo" else 1)
        return max(1, self.tokens // row) * MICRO_BATCHES

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
        (SEEDLING, "lora", "fp32", 2048, 256, 64),
        (SEEDLING, "full", "fp32", 2048, 256, 64),
        (SEEDLING, "lora", "fp32", 2048, 256, 64, False, "dpo"),
        (SEEDLING, "lora", "fp32", 2048, 256, 64, False, "kto"),
        (SEEDLING, "full", "fp32", 2048, 256, 64, False, "kto"),
    )
]
QUICK = 4
FORMS = {"sft": "messages", "dpo": "preference", "kto": "unpaired"}
BASE_GRID = [
    Setting(BASE, *setting)
    for setting in (
        ("lora", "bf16", 512, 512),
        ("lora", "fp32", 512, 256),
        ("qlora", "bf16", 512, 256),
        ("lora", "bf16", 512, 128, 64, False, "dpo"),
        ("lora", "bf16", 1024, 256, 64),
        ("full", "fp32", 512, 256),
        ("lora", "bf16", 512, 256, 64, False, "sft", True),
        ("lora", "bf16", 256, 64, None, False, "kto"),
        ("lora", "fp32", 256, 64, None, False, "dpo"),
        ("full", "bf16", 128, 128),
        ("full", "fp32", 128, 64, None, False, "dpo"),
        ("lora", "fp32", 256, 128),
        ("qlora", "fp32", 128, 128),
        ("qlora", "bf16", 256, 64, None, False, "dpo"),
        ("lora", "bf16", 256, 128, None, True),
        ("lora", "fp32", 256, 128, None, False, "kto"),
        ("full", "fp32", 256, 64, None, False, "kto"),
        ("lora", "bf16", 1024, 512),
        ("lora", "bf16", 1024, 256, None, False, "dpo"),
    )
]
"""With `--base`."""


def estimate_peak(setting: Setting, measured: Mapping[str, Any]) -> int:
    """Estimated bytes above the libraries, as the API reports them."""
    shape = ModelShape(**measured["shape"])
    requested = TrainingSettings(
        method=setting.method,
        objective=setting.objective,
        dtype=setting.dtype,
        micro_batch_tokens=setting.tokens,
        gradient_checkpointing=setting.recomputes,
        batch_size=setting.batch_size,
        max_steps=STEPS,
    )
    facts = ModelAndData(shape.parameters, CONTEXT, ROWS, FORMS[setting.objective])
    resolved = resolve_settings(requested, facts, Machine(cpu=1, gpu=0, memory_gb=64), 1)
    lengths = RowLengths([tuple(sample) for sample in measured["samples"]], ROWS, 0)
    inputs = feasibility.EstimateInputs(shape, CONTEXT, lengths, limit=None, fast_bf16=False)
    return feasibility.job_memory(resolved, inputs).peak


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
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


def write_rows(path: Path, setting: Setting, model: Path) -> None:
    """Write rows of the setting's lengths in tokens, of words that are one token each; half of each is the answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from transformers import AutoTokenizer

    tokenizer, draw = AutoTokenizer.from_pretrained(model), random.Random(0)
    vocabulary = tokenizer.get_vocab()
    known = sorted(word for word in vocabulary if re.fullmatch(r"[a-z]{3,}|w\d+", word))
    spaced = [word for word in known if f"Ġ{word}" in vocabulary] or known
    empty = [{"role": "user", "content": spaced[0]}, {"role": "assistant", "content": spaced[0]}]
    template_tokens = len(tokenizer.apply_chat_template(empty, return_dict=False)) - 2

    def turn(role: str, count: int) -> dict[str, str]:
        return {"role": role, "content": " ".join(draw.choices(spaced, k=count))}

    def row(number: int, length: int) -> dict[str, Any]:
        answer = (length - template_tokens) // 2
        prompt = [turn("user", length - template_tokens - answer)]
        if setting.objective == "dpo":
            return {"messages": prompt, **{name: [turn("assistant", answer)] for name in ("chosen", "rejected")}}
        if setting.objective == "kto":
            return {"messages": prompt, "completion": [turn("assistant", answer)], "label": number % 2 == 0}
        return {"messages": [*prompt, turn("assistant", answer)]}

    rows = [json.dumps(row(number, length)) for number, length in enumerate(setting.lengths)]
    pq.write_table(pa.table({"row_id": range(len(rows)), "source": ["made"] * len(rows), "row": rows}), path)


def measure(setting: Setting, folder: Path, base: Path | None, shape: dict[str, Any] | None) -> dict[str, Any]:
    """Run a setting in its own process; the model's shape and its rows' lengths are counted as the service does."""
    model = {BASE: base, SEEDLING: BUNDLED}.get(setting.model) or folder / setting.model
    if not model.exists():
        make_model(model.name, model)
    rows = folder / f"{setting.objective}-{setting.model}-{setting.rows}.parquet"
    if not rows.exists():
        write_rows(rows, setting, model)
    reference = {"path": str(model), "kind": "full", "base": None}
    counting = {"shards": [str(rows)], "rows": ROWS, "model": reference}
    known = {
        "shape": shape or shape_of(model),
        "samples": count_lengths(counting, null_reporter(), Commands(io.BytesIO()))["samples"],
    }
    with tempfile.TemporaryDirectory(dir=folder) as workdir:
        spec = {
            "workdir": workdir,
            "model": {"path": str(model)},
            "dataset": {
                "train": [str(rows)],
                "validation": [str(rows)] if setting.evaluates else [],
                "form": FORMS[setting.objective],
            },
            "hyperparameters": {
                "method": setting.method,
                "objective": setting.objective,
                "dtype": setting.dtype,
                "micro_batch_tokens": setting.tokens,
                "gradient_checkpointing": setting.recomputes,
                "batch_size": setting.batch_size,
                "max_steps": STEPS,
                "checkpoint_every": STEPS,
                "eval_every": 1 if setting.evaluates else None,
                "eval_rows": 8,
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
    return {"ran": True, **known, **json.loads(done.stdout.splitlines()[-1])}


def shape_of(model: Path) -> dict[str, Any]:
    """The shape that a base model's inspection finds."""
    found = describe_model({"path": str(model)}, null_reporter(), Commands(io.BytesIO()))["shape"]
    assert isinstance(found, dict)
    return found


def run_child() -> None:
    """Train with the spec from stdin; print the memory growth of this process and its last throughput."""
    import bitsandbytes  # noqa: F401  # counts as a library, whichever module imports it
    import peft  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401

    from services.training.engine.train import main as train

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
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK} settings")
    parser.add_argument("--base", type=Path, help="measure another grid, over the model in this folder")
    parser.add_argument("--only", default="", help="settings whose name contains this")
    parser.add_argument("--rows", type=Path, help="file that keeps the measurements")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no further setting after this time")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return run_child()
    grid = BASE_GRID if arguments.base else GRID
    grid = [setting for setting in grid if arguments.only in setting.name][: QUICK if arguments.quick else None]
    known, deadline = read_measurements(arguments.rows), time.monotonic() + arguments.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        for setting in grid:
            if setting.name not in known and time.monotonic() < deadline:
                shapes = [
                    row["shape"] for row in known.values() if row["ran"] and row["setting"]["model"] == setting.model
                ]
                measured = measure(setting, Path(folder), arguments.base, next(iter(shapes), None))
                known[setting.name] = {"setting": asdict(setting), **measured}
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
        estimated = estimate_peak(setting, row)
        errors.append(estimated / row["grown"] - 1)
        print(f"{setting.name:36}{row['grown'] / 1e6:7.0f} MB{estimated / 1e6:8.0f} MB{errors[-1]:+8.1%}")
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
