"""Preflight's prediction beside what the engine really takes: growth of its peak memory above the imported libraries.

python benchmarks/preflight.py [--quick] [--rows FILE] [--minutes N]

Two models of 100 and 225 million random weights are made on the spot. Every setting runs the engine as a job does, in a
process of its own: two steps of two micro-batches each, a checkpoint, the delivered model. The peak is the kernel's
(VmHWM). `--rows` keeps what was measured, so that a long grid can be measured in several goes; predictions are always
made anew. The aim is an error within 15 %, and that every setting which was predicted to fit did run.
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

from services.training.estimates import preflight
from services.training.estimates.lengths import Lengths
from services.training.jobs.defaults import Subject, resolve
from services.training.settings import TrainingSettings
from services.training.workers.capacity import Machine
from shared.blobs.manifests import ModelShape
from shared.runtime.processes.children import clean_environment

AIM = 0.15
STEPS, MICRO_BATCHES, ROWS = 2, 2, 64
SIZES: dict[str, dict[str, Any]] = {
    "100M": {"hidden": 768, "layers": 12, "heads": 12, "kv_heads": 4, "mlp": 2048, "vocab": 32_000, "tied": True},
    "225M": {"hidden": 1024, "layers": 8, "heads": 16, "kv_heads": 8, "mlp": 2816, "vocab": 64_000, "tied": False},
}
HEAD, CONTEXT, GLUE = 64, 4096, 6
CHATML = (
    "{% for message in messages %}{{ '<|im_start|> ' + message.role + ' ' + message.content + ' <|im_end|> ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)


@dataclass(frozen=True)
class Setting:
    """A model, how it is trained, tokens computed at once, and tokens of rows: of the longest, perhaps the shortest.

    `recomputes`: activations are computed anew (gradient checkpointing).
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
        """One line of the table."""
        anew = " anew" if self.recomputes else ""
        return f"{self.model} {self.method:5} {self.dtype} {self.tokens:5} x {self.rows}{anew}"

    @property
    def rows(self) -> str:
        """How long they are."""
        return f"{self.shortest}-{self.length}" if self.shortest else f"{self.length}"

    @property
    def batch_size(self) -> int:
        """Rows of a step."""
        return max(1, self.tokens // self.length) * MICRO_BATCHES

    @property
    def lengths(self) -> list[int]:
        """Tokens of the rows."""
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
    """As the inspecting engine would find it."""
    size = SIZES[model]
    hidden, keys = size["hidden"], size["kv_heads"] * HEAD
    layer = 2 * hidden * size["heads"] * HEAD + 2 * hidden * keys + 3 * hidden * size["mlp"] + 2 * hidden
    parameters = size["layers"] * layer + hidden + size["vocab"] * hidden * (1 if size["tied"] else 2)
    return ModelShape(parameters=parameters, head_size=HEAD, stored=2, **size)


def predicted(setting: Setting) -> int:
    """Bytes above the libraries, as the API would tell them."""
    shape = shape_of(setting.model)
    asked = TrainingSettings(
        method=setting.method,
        dtype=setting.dtype,
        micro_batch_tokens=setting.tokens,
        gradient_checkpointing=setting.recomputes,
        batch_size=setting.batch_size,
        max_steps=STEPS,
    )
    facts = Subject(parameters=shape.parameters, context_length=CONTEXT, rows=ROWS, form="messages")
    resolved = resolve(asked, facts, Machine(cpu=1, gpu=0, memory_gb=64), 1)
    lengths = Lengths([(size, answer_of(size), size - answer_of(size), 1) for size in setting.lengths], ROWS, 0)
    subject = preflight.Subject(shape, CONTEXT, lengths, limit=None, fast_bf16=False)
    return preflight.memory_of(resolved, subject).peak


def answer_of(length: int) -> int:
    """Tokens of a row that are trained: half of its words, and the end."""
    return (length - GLUE) // 2 + 1


def make(model: str, folder: Path) -> None:
    """Write a model of random bf16 weights and a tokenizer of words."""
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
        head_dim=HEAD,
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
    """Conversations of so many tokens, half of them the answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = random.Random(0)

    def words(count: int) -> str:
        return " ".join(f"w{draw.randrange(30_000)}" for _ in range(count))

    def row(length: int) -> str:
        answer = answer_of(length) - 1
        turns = {"user": words(length - GLUE - answer), "assistant": words(answer)}
        return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns.items()]})

    rows = list(map(row, lengths))
    pq.write_table(pa.table({"row_id": range(len(rows)), "source": ["made"] * len(rows), "row": rows}), path)


def measure(setting: Setting, folder: Path) -> dict[str, Any]:
    """Run the setting in a process of its own."""
    model, rows = folder / setting.model, folder / f"{setting.rows}.parquet"
    if not model.exists():
        make(model.name, model)
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


def child() -> None:
    """Train as the spec on stdin says; print the growth of this process and its last pace."""
    import io

    import bitsandbytes  # noqa: F401  # a library too, whoever imports it
    import peft  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401

    from services.training.engine.train import main as train
    from shared.engine.process.protocol import Commands, Reporter

    class Listening(Reporter):
        """Keeps the last pace; says nothing."""

        pace = 0.0

        def emit(self, kind: str, **data: Any) -> None:
            self.pace = data.get("tokens_per_second", self.pace) if kind == "metric" else self.pace

    reporter, before = Listening(os.open(os.devnull, os.O_WRONLY)), status("VmRSS")
    train(json.load(sys.stdin), reporter, Commands(io.BytesIO()))
    print(json.dumps({"grown": status("VmHWM") - before, "libraries": before, "tokens_per_second": reporter.pace}))


def status(name: str) -> int:
    """A member of /proc/self/status in bytes (proc(5))."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def measured(path: Path | None) -> dict[str, dict[str, Any]]:
    """What was measured before, by setting."""
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {Setting(**row["setting"]).name: row for row in rows}


def main() -> None:
    """Measure what was not, predict everything, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} settings of {len(GRID)}")
    parser.add_argument("--rows", type=Path, help="a file that keeps what was measured")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no other setting after so long")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        return child()
    grid, known, ends = (
        GRID[:QUICK] if asked.quick else GRID,
        measured(asked.rows),
        time.monotonic() + asked.minutes * 60,
    )
    with tempfile.TemporaryDirectory() as folder:
        for setting in grid:
            if setting.name not in known and time.monotonic() < ends:
                known[setting.name] = {"setting": asdict(setting), **measure(setting, Path(folder))}
                if asked.rows:
                    with asked.rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(known[setting.name]) + "\n")
    report([(setting, known[setting.name]) for setting in grid if setting.name in known])
    return None


def report(rows: list[tuple[Setting, dict[str, Any]]]) -> None:
    """The table, and RESULT."""
    print(f"{'model, method, dtype, tokens x row':36}{'measured':>10}{'predicted':>11}{'error':>8}")
    errors = []
    for setting, row in rows:
        if not row["ran"]:
            print(f"{setting.name:36}{'did not run: ' + row['error']}")
            continue
        errors.append(predicted(setting) / row["grown"] - 1)
        print(f"{setting.name:36}{row['grown'] / 1e6:7.0f} MB{predicted(setting) / 1e6:8.0f} MB{errors[-1]:+8.1%}")
    sizes = [abs(error) for error in errors]
    result = {
        "settings": len(rows),
        "ran": len(errors),
        "within_15_percent": sum(size <= AIM for size in sizes),
        "largest_error": round(max(sizes), 3),
        "median_error": round(statistics.median(sizes), 3),
        "libraries_mb": round(statistics.median(row["libraries"] for _, row in rows if row["ran"]) / 1e6),
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {platform.libc_ver()[1]} libc",
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    main()
