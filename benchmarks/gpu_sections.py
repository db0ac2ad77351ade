"""The sections of benchmarks/gpu.py: `python -m benchmarks.gpu_sections SECTION DEVICE RESULT [--quick]`.

A section is a function of `Section`. It records figures and asserts what must be right. Figures are written at once, so
that those of a section that crashes are kept.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SEEDLING = ROOT / "services/training/seedling"
PACKAGES = ("torch", "triton", "transformers", "peft", "accelerate", "bitsandbytes", "liger-kernel", "trl", "unsloth")
MODELS: dict[str, dict[str, int]] = {
    "125M": {"hidden_size": 768, "layers": 12, "heads": 12, "kv_heads": 4, "intermediate_size": 2048, "vocab": 32_000},
    "1B": {"hidden_size": 2048, "layers": 16, "heads": 32, "kv_heads": 8, "intermediate_size": 8192, "vocab": 128_256},
}
"""Llama's shapes; heads have 64 values. The tokenizer is seedling's, whose ids are the first 3,072."""
MODELS_FOLDER = "ANNEAL_GPU_MODELS"
MEMORY_ERROR = 0.15
"""The largest relative error of a memory estimate."""
LOSS_ERROR = {"fp32": 2e-3, "bf16": 3e-2, "fp16": 3e-2}
"""The largest relative difference of losses of runs that differ in their kernels only."""


class Figures(dict[str, Any]):
    """Figures by name; each is written to the result file as soon as it is known."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def __setitem__(self, name: str, value: Any) -> None:
        """Record a figure."""
        super().__setitem__(name, value)
        self.write("running")

    def write(self, outcome: str, reason: str = "") -> None:
        """Write the outcome so far."""
        self.path.write_text(json.dumps({"outcome": outcome, "reason": reason, "figures": self}, default=str))


class Section:
    """What a section works with: a device, a folder, a model and rows of random words; figures to record."""

    def __init__(self, device: str, figures: Figures, folder: Path, *, quick: bool) -> None:
        self.device, self.figures, self.folder, self.quick = device, figures, folder, quick
        self.gpu = device == "cuda"
        self.size = "1B" if self.gpu and not quick else "125M"
        self.steps, self.batch_size = (12, 16) if self.gpu else (3, 4)

    @functools.cached_property
    def model(self) -> Path:
        """The folder of the base model: on a CPU seedling, on a GPU random bf16 weights with seedling's tokenizer."""
        if not self.gpu:
            return SEEDLING
        made = Path(os.environ.get(MODELS_FOLDER, self.folder)) / self.size  # the sections of a run share it
        return made if made.exists() else make_model(self.size, self.folder / "base").rename(made)

    def rows(self, count: int, shortest: int, longest: int) -> list[dict[str, Any]]:
        """Conversations of `shortest` to `longest` words, most of them short; the answer is a third of the words."""
        draw, rows = random.Random(0), []
        for _ in range(count):
            length = round(shortest + (longest - shortest) * draw.random() ** 2)
            words = [draw.choice(WORDS) for _ in range(max(3, length))]
            turns = {"user": words[: -len(words) // 3], "assistant": words[-len(words) // 3 :]}
            rows.append({"messages": [{"role": role, "content": " ".join(text)} for role, text in turns.items()]})
        return rows

    def spec(self, name: str, rows: Sequence[dict[str, Any]], **hyperparameters: Any) -> dict[str, Any]:
        """The spec of a training run in a folder of its own."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        columns = {"row_id": range(len(rows)), "source": ["made"] * len(rows), "row": [json.dumps(r) for r in rows]}
        pq.write_table(pa.table(columns), folder / "train.parquet")
        defaults = {"method": "lora", "max_steps": self.steps, "learning_rate": 1e-3, "dtype": "auto"}
        return {
            "workdir": str(folder / "work"),
            "model": {"path": str(self.model), "name": "base"},
            "dataset": {"train": [str(folder / "train.parquet")]},
            "hyperparameters": {**defaults, "batch_size": self.batch_size, "scheduler": "constant", **hyperparameters},
            "output": str(folder / "output"),
            "checkpoints": str(folder / "checkpoints"),
        }

    def train(self, name: str, rows: Sequence[dict[str, Any]], **hyperparameters: Any) -> Any:
        """Train as a job does; return the recorder of its messages."""
        return run_training(self.spec(name, rows, **hyperparameters))


WORDS = ("order", "train", "leave", "answer", "reason", "invoice", "status", "morning", "reply", "need", "today", "the")


def make_model(size: str, folder: Path) -> Path:
    """Save a random Llama in bf16 with seedling's tokenizer into `folder`; seconds on a GPU."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    shape = MODELS[size]
    config = LlamaConfig(
        hidden_size=shape["hidden_size"],
        intermediate_size=shape["intermediate_size"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"],
        head_dim=64,
        vocab_size=shape["vocab"],
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(SEEDLING, local_files_only=True).save_pretrained(folder)
    return folder


def run_training(spec: dict[str, Any], crash_at: int | None = None) -> Any:
    """Run the engine; return the recorder of its messages. `crash_at`: raise KeyboardInterrupt after that step."""
    from services.training.engine.train import main as train
    from shared.engine.process.protocol import Commands, Reporter

    class Recorder(Reporter):
        """Keeps all messages."""

        def __init__(self) -> None:
            super().__init__(-1)
            self.messages: list[dict[str, Any]] = []

        def emit(self, kind: str, **data: Any) -> None:
            """Keep a message."""
            self.messages.append({"kind": kind, **data})
            if kind == "metric" and data["step"] == crash_at:
                raise KeyboardInterrupt

        def of(self, kind: str, field: str) -> list[Any]:
            """A field of all messages of a kind that have it."""
            return [message[field] for message in self.messages if message["kind"] == kind and field in message]

    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # this process trains several times, in other precisions
    recorder = Recorder()
    recorder.result = train(spec, recorder, Commands(io.BytesIO())) if crash_at is None else None  # type: ignore[attr-defined]
    if crash_at is not None:
        try:
            train(spec, recorder, Commands(io.BytesIO()))
        except KeyboardInterrupt:
            return recorder
        raise AssertionError(f"the run did not reach step {crash_at}")
    return recorder


def speed(recorder: Any) -> float:
    """Tokens of rows per second, the median of the second half of the steps."""
    values = recorder.of("metric", "tokens_per_second")
    return float(median(values[len(values) // 2 :]))


def losses(recorder: Any) -> list[float]:
    """The loss of each step; all must be finite."""
    values = [float(value) for value in recorder.of("metric", "loss")]
    assert values
    assert all(map(math.isfinite, values)), f"losses {values}"
    return values


def assert_close(one: Sequence[float], other: Sequence[float], tolerance: float) -> None:
    """The two series of losses differ by at most `tolerance` relatively."""
    worst = max(abs(a / b - 1) for a, b in zip(one, other, strict=True))
    assert worst <= tolerance, f"losses differ by {worst:.2%}: {one} and {other}"


def machine(section: Section) -> None:
    """Versions, the GPU, and the rate of a large matrix product in each precision."""
    import torch

    for package in PACKAGES:
        try:
            section.figures[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            section.figures[package] = "not installed"
    if section.gpu:
        properties = torch.cuda.get_device_properties(0)
        section.figures["gpu"] = properties.name
        section.figures["compute capability"] = f"{properties.major}.{properties.minor}"
        section.figures["gpu memory in GB"] = properties.total_memory / 1e9
        section.figures["cuda"] = torch.version.cuda
        section.figures["bf16 in hardware"] = torch.cuda.is_bf16_supported(including_emulation=False)
    size = 8192 if section.gpu else 512
    for dtype in (torch.float32, torch.bfloat16, *([torch.float16] if section.gpu else [])):
        one, other = (torch.randn(size, size, device=section.device, dtype=dtype) for _ in range(2))
        seconds = timed(lambda one=one, other=other: one @ other, section.gpu)
        section.figures[f"{str(dtype).removeprefix('torch.')} TFLOP/s"] = 2 * size**3 / seconds / 1e12


def timed(function: Callable[[], Any], gpu: bool, repeats: int = 10) -> float:
    """Seconds of a call, the mean of `repeats` after three others."""
    import torch

    for _ in range(3):
        function()
    if gpu:
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        function()
    if gpu:
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / repeats


def attention(section: Section) -> None:
    """Trials of variable-length flash attention by precision and head size, and its time beside padded attention."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    from services.training.engine.attention import varlen

    device = torch.device(section.device, 0)
    for dtype in (torch.bfloat16, torch.float16):
        for heads, kv_heads, size in ((32, 8, 64), (32, 8, 128), (12, 12, 96), (8, 1, 256)):
            passed = varlen.matches_reference(varlen.attend, device, dtype, heads, kv_heads, size)
            section.figures[f"{dtype} {heads}/{kv_heads} heads of {size}"] = "agrees" if passed else "differs"
            assert passed, f"variable-length attention differs in {dtype} with heads of {size}"
    lengths = (2048, 1024, 512, 256, 128, 64, 32, 32)
    query, key = (torch.randn(1, n, sum(lengths), 64, device=device, dtype=torch.bfloat16) for n in (32, 8))
    packed = timed(lambda: varlen.attend(query, key, key, lengths, None, None), gpu=True)
    section.figures["packed, 8 documents of 32 to 2,048 tokens, ms"] = packed * 1e3
    rows = torch.randn(len(lengths), 32, max(lengths), 64, device=device, dtype=torch.bfloat16)
    mask = torch.ones(len(lengths), 1, max(lengths), max(lengths), dtype=torch.bool, device=device).tril_()
    padded = timed(lambda: scaled_dot_product_attention(rows, rows, rows, attn_mask=mask), gpu=True)
    section.figures["the same documents padded, with a mask, ms"] = padded * 1e3


def precision(section: Section) -> None:
    """Every method in every precision: the losses fall and agree with fp32."""
    rows = section.rows(8 * section.batch_size, 8, 30)
    methods, dtypes = ("full", "lora"), ("fp32", "bf16", "fp16") if section.gpu else ("fp32", "bf16")
    for method in methods:
        exact: list[float] = []
        for dtype in dtypes:
            settings = {"method": method, "dtype": dtype, "learning_rate": 1e-4 if method == "full" else 1e-3}
            found = losses(section.train(f"{method}-{dtype}", rows, **settings))
            section.figures[f"{method} {dtype} losses"] = [round(value, 4) for value in found]
            exact = exact or found
            assert_close(found, exact, 10 * LOSS_ERROR["bf16"] if dtype != "fp32" else 0)
            assert found[-1] < found[0], f"{method} in {dtype} does not learn"


def resume(section: Section) -> None:
    """A run that dies after a checkpoint resumes there and takes the same steps; the delivered adapter loads."""
    import torch

    from shared.engine.loading.load import load_model

    rows, settings = section.rows(5 * section.batch_size, 8, 30), {"checkpoint_every": 2, "max_steps": 5}
    for dtype in ("fp32", "bf16"):
        whole = losses(section.train(f"whole-{dtype}", rows, dtype=dtype, **settings))
        spec = section.spec(f"killed-{dtype}", rows, dtype=dtype, **settings)
        first = losses(run_training(spec, crash_at=3))
        checkpoint = max(Path(spec["checkpoints"]).iterdir(), key=lambda folder: int(folder.name.split("-")[-1]))
        second = run_training({**spec, "resume_from": str(checkpoint)})
        resumed = [*first[:2], *losses(second)]
        section.figures[f"{dtype}, bit-equal"] = resumed == whole
        section.figures[f"{dtype}, losses"] = [round(value, 5) for value in resumed]
        assert_close(resumed, whole, LOSS_ERROR[dtype])
        base = {"path": str(section.model), "kind": "full", "base": None}
        model = load_model({"path": spec["output"], "kind": "adapter", "base": base}, dtype="float32")
        assert torch.isfinite(model(input_ids=torch.tensor([[5, 6, 7]], device=model.device)).logits).all()


def decoding(section: Section) -> None:
    """Greedy answers in batches of different lengths equal those one by one; tokens per second by batch size."""
    import torch

    from shared.engine.decoding.generate import generate_all
    from shared.engine.loading.load import load_model
    from tests.support.zoo_comparison import NEW_TOKENS, plain_answer, prompts

    ref = {"path": str(section.model), "kind": "full", "base": None}
    model = load_model(ref, dtype="float32")
    batched = [each.ids for each in generate_all(model, prompts(), stop_ids=[], max_new_tokens=NEW_TOKENS)]
    assert batched == [plain_answer(model, prompt) for prompt in prompts()], "batched answers differ"
    section.figures["answers in a batch equal those one by one, fp32"] = True
    del model
    model = load_model(ref, dtype="bfloat16" if section.gpu else "float32")
    new = 64 if section.gpu else 4
    for rows in (1, 4, 32) if section.gpu else (1, 2):
        batch = [prompts()[0]] * rows
        generate_all(model, batch, stop_ids=[], max_new_tokens=2)
        began = time.perf_counter()
        answers = generate_all(model, batch, stop_ids=[], max_new_tokens=new)
        assert all(len(answer.ids) == new for answer in answers)
        section.figures[f"tokens/s, {rows} rows"] = rows * new / (time.perf_counter() - began)
        if section.gpu:
            section.figures["peak GB"] = torch.cuda.max_memory_allocated() / 1e9


def zoo(section: Section) -> None:
    """Families of models: loss and gradients of a batch, and batched answers, equal those of transformers."""
    import torch

    from services.training.engine.kernels.cpu_fused import use_fused_kernels
    from services.training.engine.model.trials import exact_layouts
    from shared.engine.decoding.generate import generate_all
    from shared.engine.loading.load import load_model
    from tests.support import zoo_comparison as comparison
    from tests.support.zoo import ZOO, save

    torch.backends.cudnn.allow_tf32 = False  # convolutions of recurrent models are compared in fp32
    families = [name for name, family in ZOO.items() if not family.refused]
    families = families[:2] if not section.gpu else families[:: 8 if section.quick else 1]
    differences, samples = {}, comparison.documents()
    for family in families:
        try:
            folder = save(family, section.folder / f"zoo-{families.index(family)}")
            for method in ("full", "lora"):
                full = method == "full"
                model = comparison.load_for_training(folder) if full else comparison.adapted(folder, method)
                expected = comparison.plain_step(model, samples)
                if section.gpu:
                    use_fused_kernels(model)  # as with gpu_kernels: Liger's, where it is installed
                for layout in sorted(exact_layouts(model, max(comparison.LENGTHS))):
                    loss, gradient, name = comparison.largest_difference(
                        expected, comparison.batch_step(model, samples, layout)
                    )
                    assert loss <= 1e-4, f"{method} {layout}: the loss differs by {loss:.1e}"
                    assert gradient <= 1e-2, f"{method} {layout}: gradients of {name} differ by {gradient:.1e}"
            model = load_model({"path": str(folder), "kind": "full", "base": None}, dtype="float32")
            answers = generate_all(model, comparison.prompts(), stop_ids=[], max_new_tokens=comparison.NEW_TOKENS)
            expected_answers = [comparison.plain_answer(model, prompt) for prompt in comparison.prompts()]
            assert [answer.ids for answer in answers] == expected_answers, "batched answers differ"
        except Exception as error:
            differences[family] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            section.figures["differs"] = differences
        section.figures["families"] = families.index(family) + 1
    assert not differences, f"{len(differences)} of {len(families)} families: {', '.join(differences)}"


def nvml(section: Section) -> None:
    """The GPU metrics of a job's steps, as NVML and torch report them."""
    import torch

    recorder = section.train("nvml", section.rows(64, 20, 200))
    names = ("gpu_utilization", "gpu_memory_mb", "gpu_memory_peak_mb", "gpu_temperature_c", "gpu_power_w")
    last = recorder.messages[max(i for i, m in enumerate(recorder.messages) if m["kind"] == "metric")]
    missing = [name for name in names if name not in last]
    assert not missing, f"a step reports no {', '.join(missing)}"
    for name in names:
        section.figures[name] = last[name]
    assert 0 <= last["gpu_utilization"] <= 100
    assert last["gpu_memory_mb"] * 1e6 <= torch.cuda.get_device_properties(0).total_memory
    assert last["gpu_power_w"] > 0


def memory(section: Section) -> None:
    """The memory that preflight estimates beside torch.cuda.max_memory_allocated of two steps."""
    cases: list[dict[str, Any]] = [
        {"method": method, "dtype": "bf16", **more}
        for method in ("lora", "full")
        for more in ({}, {"gradient_checkpointing": True}, {"gpu_kernels": True})
    ]
    if importlib.util.find_spec("bitsandbytes"):
        cases.append({"method": "qlora", "dtype": "bf16"})
    errors = {}
    for case in cases:
        name = " ".join(str(value) if value is not True else key for key, value in case.items())
        estimated, allocated, reserved = compare_memory(section, name.replace(" ", "-"), case)
        errors[name] = estimated / allocated - 1
        section.figures[name] = {
            "estimated MB": round(estimated / 1e6),
            "allocated MB": round(allocated / 1e6),
            "reserved MB": round(reserved / 1e6),
            "error": round(errors[name], 3),
        }
    wrong = [f"{name} {error:+.0%}" for name, error in errors.items() if abs(error) > MEMORY_ERROR]
    assert not wrong, f"more than {MEMORY_ERROR:.0%} off: {', '.join(wrong)}"


def compare_memory(section: Section, name: str, case: dict[str, Any]) -> tuple[float, int, int]:
    """Estimated, allocated and reserved bytes of a job; the estimate without the CUDA context, which torch does not
    count."""
    import gc

    import torch
    from accelerate.state import AcceleratorState

    from services.training.engine.data.batches import micro_batches_of
    from services.training.engine.interrupts import Interrupts
    from services.training.engine.loop.prepare import prepare
    from services.training.engine.model import optimizer
    from services.training.engine.spec import TrainingSpec
    from services.training.estimates.memory import GPU, StepPlan, estimate_memory
    from shared.blobs.manifests import ModelShape
    from shared.engine.process.protocol import Commands, null_reporter

    gc.collect()
    torch.cuda.empty_cache()
    AcceleratorState._reset_state(reset_partial_state=True)
    spec = section.spec(name, section.rows(16, 380, 400), batch_size=16, micro_batch_tokens=4096, **case)
    section.model  # noqa: B018  # made before the peak is reset
    torch.cuda.reset_peak_memory_stats()
    run = prepare(TrainingSpec.of(spec), null_reporter(), Interrupts(Commands(io.BytesIO())))
    batches = list(micro_batches_of(run.training, range(16), run.settings))[:2]
    torch.cuda.reset_peak_memory_stats()
    for _ in range(2):
        run.optimizer.zero_grad()
        optimizer.accumulate(run.loss, batches, run.settings.layout, run.accelerator, run.interrupts)
        optimizer.clip(run.model, 1.0, run.accelerator)
        run.optimizer.step()
    allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    heaviest = max(batches, key=lambda batch: batch.inputs["input_ids"].numel())
    shape, tokens = MODELS[section.size], heaviest.inputs["input_ids"].numel()
    model = ModelShape(
        parameters=sum(w.numel() for n, w in run.model.named_parameters() if "lora_" not in n),
        hidden=shape["hidden_size"],
        layers=shape["layers"],
        heads=shape["heads"],
        kv_heads=shape["kv_heads"],
        head_size=64,
        mlp=shape["intermediate_size"],
        vocab=shape["vocab"],
        tied=True,
        stored=2,
    )
    plan = StepPlan(
        method=run.hyperparameters.method,
        dtype=run.settings.dtype,
        tokens=tokens,
        length=run.training.longest,
        trained=heaviest.targets.numel() / tokens,
        quantization=run.hyperparameters.quantization or ("nf4" if run.hyperparameters.method == "qlora" else None),
        layout=run.settings.layout,
        gpu=True,
        recomputes=run.hyperparameters.gradient_checkpointing,
    )
    return estimate_memory(model, plan).total - GPU.engine, allocated, reserved


def qlora(section: Section) -> None:
    """QLoRA in nf4 and int8: the losses fall; the memory of nf4 is below that of LoRA in bf16."""
    import torch

    rows, peaks = section.rows(8 * section.batch_size, 8, 30), {}
    for name, settings in (
        ("lora", {"method": "lora"}),
        ("nf4", {"method": "qlora", "quantization": "nf4"}),
        ("int8", {"method": "qlora", "quantization": "int8"}),
    ):
        if section.gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        found = section.train(name, rows, **settings)
        section.figures[f"{name} losses"] = [round(value, 4) for value in losses(found)]
        section.figures[f"{name} tokens/s"] = speed(found)
        assert losses(found)[-1] < losses(found)[0], f"{name} does not learn"
        if section.gpu:
            peaks[name] = torch.cuda.max_memory_allocated()
            section.figures[f"{name} peak MB"] = round(peaks[name] / 1e6)


def liger(section: Section) -> None:
    """Which layers Liger's kernels replace after their trials, and the speed and losses with and without them."""
    logs = compare_variants(section, {"own layers": {}, "gpu_kernels": {"gpu_kernels": True}})["gpu_kernels"]
    used = [line for line in logs if "using Liger kernels" in line]
    section.figures["log"] = [line for line in logs if "kernel" in line or "keeps its own" in line]
    assert used, "no layer passed its trial"


def throughput(section: Section) -> None:
    """Tokens per second of a LoRA job over rows of very different lengths: by default, and with gpu_kernels."""
    variants: dict[str, dict[str, Any]] = {"default": {}, "full": {"method": "full", "learning_rate": 1e-4}}
    if section.gpu:
        variants["gpu_kernels"] = {"gpu_kernels": True}
        variants["gradient checkpointing"] = {"gradient_checkpointing": True}
    compare_variants(section, variants, exact=[name for name in variants if name != "full"])


def compare_variants(
    section: Section, variants: dict[str, dict[str, Any]], exact: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """Train each variant over the same rows, record its speed; the losses of those in `exact` (all) must agree.

    Returns the log lines of each.
    """
    import torch

    rows, series, logs = job_rows(section), {}, {}
    for name, settings in variants.items():
        if section.gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        recorder = section.train(name.replace(" ", "-"), rows, **settings)
        series[name], logs[name] = losses(recorder), recorder.of("log", "message")
        section.figures[f"{name}, tokens/s"] = speed(recorder)
        if section.gpu:
            section.figures[f"{name}, peak MB"] = round(torch.cuda.max_memory_allocated() / 1e6)
    compared = [series[name] for name in (exact or variants)]
    for other in compared[1:]:
        assert_close(other, compared[0], LOSS_ERROR["bf16"])
    return logs


def job_rows(section: Section) -> list[dict[str, Any]]:
    """The rows of the sections that compare speeds: 12 steps of 10 to 500 words, most of them short."""
    return section.rows(section.steps * section.batch_size, 10, 500 if section.gpu else 40)


def trainer(section: Section) -> None:
    """transformers' Trainer with peft's LoRA over the same rows as `throughput`: tokens per second."""
    from transformers import Trainer, TrainingArguments

    train_peer(section, Trainer, TrainingArguments)


def trl(section: Section) -> None:
    """TRL's SFTTrainer over the same rows: tokens per second."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    train_peer(section, SFTTrainer, SFTConfig, Dataset.from_list, max_length=2048)


def unsloth(section: Section) -> None:
    """Unsloth's model in TRL's SFTTrainer over the same rows: tokens per second."""
    from unsloth import FastLanguageModel  # before the libraries that it patches

    # isort: split
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, _ = FastLanguageModel.from_pretrained(
        str(section.model), max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=False, local_files_only=True
    )
    adapted = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32, use_gradient_checkpointing=False)
    train_peer(section, SFTTrainer, SFTConfig, Dataset.from_list, model=adapted, max_length=2048)


def train_peer(
    section: Section, kind: Any, settings: Any, dataset: Any = None, *, model: Any = None, **more: Any
) -> None:
    """Train a peer's trainer for the steps of `throughput`, with the same adapters, batches and precision."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, TrainerCallback

    from shared.engine.text.template import ChatTemplate

    tokenizer = AutoTokenizer.from_pretrained(section.model, local_files_only=True)
    template = ChatTemplate.of(tokenizer)
    rows = job_rows(section)
    encoded = [template.encode(row) for row in rows]
    examples = [
        {"input_ids": e.input_ids, "labels": [t if on else -100 for t, on in zip(e.input_ids, e.trained, strict=True)]}
        for e in encoded
    ]
    if model is None:
        dtype = torch.bfloat16 if section.gpu else torch.float32
        base = AutoModelForCausalLM.from_pretrained(section.model, dtype=dtype, local_files_only=True)
        model = get_peft_model(
            base, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
        )
    ends: list[float] = []

    class Clock(TrainerCallback):
        """Notes when each step ends."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if section.gpu:
                torch.cuda.synchronize()
            ends.append(time.perf_counter())

    peer = kind(
        model,
        settings(
            output_dir=str(section.folder / "peer"),
            per_device_train_batch_size=section.batch_size,
            max_steps=section.steps,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            bf16=section.gpu,
            use_cpu=not section.gpu,
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            **more,
        ),
        train_dataset=examples if dataset is None else dataset(examples),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[Clock()],
    )
    done = peer.train()
    assert math.isfinite(done.training_loss)
    seconds = median(b - a for a, b in zip(ends[len(ends) // 2 :], ends[len(ends) // 2 + 1 :], strict=False))
    mean_tokens = sum(len(each.input_ids) for each in encoded) / len(encoded) * section.batch_size
    section.figures["tokens/s"] = mean_tokens / seconds
    if section.gpu:
        section.figures["peak MB"] = round(torch.cuda.max_memory_allocated() / 1e6)


def vllm(section: Section) -> None:
    """tests/vllm on this GPU: vLLM behind the inference service."""
    command = os.environ.get("ANNEAL_VLLM_COMMAND", f"{sys.executable} -m vllm.entrypoints.openai.api_server")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/vllm"],
        cwd=ROOT,
        env={**os.environ, "ANNEAL_VLLM_COMMAND": command},
        check=False,
        capture_output=True,
        text=True,
    )
    section.figures["pytest"] = done.stdout.splitlines()[-1:]
    print(done.stdout, done.stderr)
    assert done.returncode == 0, section.figures["pytest"]


def main() -> int:
    """Run one section; write its outcome. The exit status is 0 unless it failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("section")
    parser.add_argument("device", choices=("cuda", "cpu"))
    parser.add_argument("result", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    figures = Figures(arguments.result)
    figures.write("running")
    with tempfile.TemporaryDirectory(prefix="anneal-gpu-") as folder:
        try:
            section = Section(arguments.device, figures, Path(folder), quick=arguments.quick)
            globals()[arguments.section](section)
        except Exception as error:
            traceback.print_exc()
            figures.write("failed", f"{type(error).__name__}: {error}".splitlines()[0][:500])
            return 1
        else:
            figures.write("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
