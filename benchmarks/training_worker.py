"""The worker of benchmarks/training.py: reads a candidate's name per line, trains once, prints its measurement."""

from __future__ import annotations

import io
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

torch.set_num_threads(1)

from peers import describe_for_llamafactory  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_pt_utils import get_length_grouped_indices  # noqa: E402

from shared.engine.text.samples import EncodedSample  # noqa: E402
from shared.engine.text.template import ChatTemplate  # noqa: E402

SHAPES = {
    "5M": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 5, "heads": 4, "kv_heads": 2},
    "93M": {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 8, "heads": 16, "kv_heads": 4},
}
PACK, GROUP = 512, 4
"""Tokens per pack of a peer (one pack per forward pass was fastest); rows per batch when grouping by length."""
CHATML = (
    "{% for message in messages %}{{ '<|im_start|> ' + message.role + ' ' + message.content + ' <|im_end|> ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}{% endif %}"
)


class Bench:
    """The job's rows, as tokens and as files, and a new model for each candidate."""

    def __init__(self, folder: Path) -> None:
        job = json.loads((folder / "job.json").read_text("utf-8"))
        self.folder, self.seed = folder, job["seed"]
        self.dtype, self.method, self.shape = job["dtype"], job["method"], dict(SHAPES[job["size"]])
        self.pretrained, self.learning_rate = job["model"], job["learning_rate"]
        self.tokenizer = AutoTokenizer.from_pretrained(self.pretrained) if self.pretrained else make_tokenizer()
        template = ChatTemplate.of(self.tokenizer)
        rows = [(row, template.encode(row)) for row in job["train"]]
        job["train"] = [row for row, tokens in rows if len(tokens.input_ids) <= PACK]
        encoded = [tokens for _, tokens in rows if len(tokens.input_ids) <= PACK]
        self.held_out = [template.encode(row) for row in job["held_out"]]
        self.steps = max(1, round(sum(len(row.input_ids) for row in encoded) / job["step_tokens"]))
        rows_per_step = max(1, len(encoded) // self.steps)
        self.group = min(GROUP, rows_per_step)
        self.batch_size = rows_per_step // self.group * self.group
        row_count = self.batch_size * self.steps  # packing would merge a small last batch into another step
        self.rows, self.train = job["train"][:row_count], encoded[:row_count]
        self.tokens = sum(self.lengths)

    def packs(self, packs: int) -> dict[str, int]:
        """Settings of a peer that packs: as many optimizer steps as the others take, so that losses are comparable."""
        return {"per_device_train_batch_size": 1, "gradient_accumulation_steps": math.ceil(packs / self.steps)}

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row.input_ids) for row in self.train]

    @property
    def best_fit(self) -> int:
        """The number of packs by best-fit decreasing (TRL's `bfd`): each row goes where it leaves the least space."""
        free: list[int] = []
        for length in sorted(self.lengths, reverse=True):
            fitting = [i for i, space in enumerate(free) if length <= space]
            pack = min(fitting, key=free.__getitem__, default=None)
            if pack is None:
                free.append(PACK - length)
            else:
                free[pack] -= length
        return len(free)

    @property
    def knapsacks(self) -> int:
        """The number of packs in LLaMA-Factory's `neat_packing`, which leaves one token of each pack unused."""
        from llamafactory.data.processor.processor_utils import greedy_knapsack

        return len(greedy_knapsack(self.lengths, PACK - 1))

    @property
    def model(self) -> Path:
        """The model's folder, with its tokenizer."""
        if self.pretrained:
            return Path(self.pretrained)
        if not (folder := self.folder / "model").exists():
            self.make_model().save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        return folder

    def make_model(self) -> Any:
        """A new model; all candidates get the same weights."""
        torch.manual_seed(self.seed)
        if self.pretrained:
            frozen_bf16 = self.method == "lora" and self.dtype == "bf16"
            dtype = torch.bfloat16 if frozen_bf16 else torch.float32
            return AutoModelForCausalLM.from_pretrained(self.pretrained, dtype=dtype)
        sizes = {key: size for key, size in self.shape.items() if not key.endswith("heads")}
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(self.tokenizer),
                **sizes,
                num_attention_heads=self.shape["heads"],
                num_key_value_heads=self.shape["kv_heads"],
                head_dim=64,
                max_position_embeddings=2048,
                tie_word_embeddings=True,
                bos_token_id=None,
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        )

    def make_peer_model(self) -> Any:
        """A new model for a peer, with adapters if the method is LoRA."""
        if self.method == "full":
            return self.make_model()
        torch.manual_seed(self.seed)
        return get_peft_model(
            self.make_model(), LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
        )

    def dataset(self) -> Any:
        """The rows for the peers: tokenized, with prompts masked."""
        from datasets import Dataset

        return Dataset.from_list([{"input_ids": row.input_ids, "labels": labels(row)} for row in self.train])

    @torch.no_grad()
    def loss(self, model: Any) -> float:
        """Held-out cross-entropy per trained token, row by row, from transformers' plain forward pass."""
        model.eval()
        total, trained = 0.0, 0
        for row in self.held_out:
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].float()
            total += cross_entropy(logits, torch.tensor(labels(row)[1:]), reduction="sum").item()
            trained += sum(row.trained[1:])
        return total / trained


def labels(row: EncodedSample) -> list[int]:
    return [token if trained else -100 for token, trained in zip(row.input_ids, row.trained, strict=True)]


def make_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "user", "assistant"]
    words = [*special, *(f"w{i}" for i in range(3000))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=special[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=special[0],
        pad_token=special[1],
        extra_special_tokens=special[2:4],
        chat_template=CHATML,
    )


def train_ours(bench: Bench) -> dict[str, Any]:
    """Our loop as a job runs it, with metrics. Loading and tokenizing are not timed for any candidate."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from services.training.engine.interrupts import Interrupts
    from services.training.engine.loop.prepare import prepare
    from services.training.engine.spec import TrainingSpec
    from services.training.engine.train import train
    from shared.engine.process.protocol import Commands, null_reporter

    shard = bench.folder / "train.parquet"
    if not shard.exists():
        rows = [json.dumps(row) for row in bench.rows]
        pq.write_table(pa.table({"row_id": range(len(rows)), "source": ["made"] * len(rows), "row": rows}), shard)
    spec = {
        "workdir": str(bench.folder),
        "model": {"path": str(bench.model)},
        "dataset": {"train": [str(shard)]},
        "hyperparameters": {
            "method": bench.method,
            "max_steps": bench.steps,
            "batch_size": bench.batch_size,
            "learning_rate": bench.learning_rate,
            "scheduler": "constant",
            "max_length": PACK,
            "dtype": bench.dtype,
            "threads": 1,
            "seed": bench.seed,
        },
        "output": str(bench.folder / "output"),
        "checkpoints": str(bench.folder / "checkpoints"),
    }
    run = prepare(TrainingSpec.of(spec), null_reporter(), Interrupts(Commands(io.BytesIO())))
    started = time.process_time()
    train(run)
    measurement = summarize(bench, started, run.state.step)
    assert run.state.tokens == bench.tokens
    return {**measurement, "loss": bench.loss(run.model)}


def arguments(bench: Bench, kind: type = TrainingArguments, **more: Any) -> Any:
    return kind(
        output_dir=str(bench.folder / "peer"),
        **{"per_device_train_batch_size": bench.batch_size, "learning_rate": bench.learning_rate, **more},
        num_train_epochs=1,
        lr_scheduler_type="constant",
        seed=bench.seed,
        use_cpu=True,
        bf16=bench.dtype == "bf16",
        gradient_checkpointing=False,
        report_to=[],
        logging_strategy="no",
        save_strategy="no",
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )


class GroupedTrainer(Trainer):
    """group_by_length as on a large dataset, where it sorts 50 batches at a time; so few rows would not be sorted."""

    def _get_train_sampler(self, train_dataset: Any = None) -> list[int]:
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        return get_length_grouped_indices(lengths, self.args.per_device_train_batch_size, mega_batch_mult=50)


def train_trainer(bench: Bench, kind: type[Trainer], **settings: Any) -> dict[str, Any]:
    """transformers' Trainer with its usual collator: rows padded to the longest in their batch."""
    from transformers import DataCollatorForSeq2Seq

    collator = DataCollatorForSeq2Seq(bench.tokenizer)
    return measure(
        bench,
        kind(
            bench.make_peer_model(), arguments(bench, **settings), train_dataset=bench.dataset(), data_collator=collator
        ),
    )


def train_trl(bench: Bench, **more: Any) -> dict[str, Any]:
    """TRL's trainer."""
    from trl import SFTConfig, SFTTrainer

    settings = arguments(bench, SFTConfig, max_length=PACK, **more)
    return measure(
        bench,
        SFTTrainer(bench.make_peer_model(), settings, train_dataset=bench.dataset(), processing_class=bench.tokenizer),
    )


def train_llamafactory(bench: Bench, **more: Any) -> dict[str, Any]:
    """LLaMA-Factory by its entry point, with its own data, template, collator and trainer; only training is timed."""
    from llamafactory.train.sft.workflow import CustomSeq2SeqTrainer
    from llamafactory.train.tuner import run_exp

    rows, measurement = bench.folder / "rows.jsonl", dict[str, Any]()
    rows.write_text("".join(json.dumps(row) + "\n" for row in bench.rows))

    def train(self: Any, **options: Any) -> Any:
        seen = sum(mask != 0 for row in self.train_dataset for mask in row["attention_mask"])
        assert seen == bench.tokens, f"{seen} tokens instead of {bench.tokens}"
        started = time.process_time()
        done = Trainer.train(self, **options)
        measurement.update(
            summarize(bench, started, self.state.global_step),
            loss=bench.loss(self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)),
        )
        return done

    CustomSeq2SeqTrainer.train = train
    run_exp(
        {
            **describe_for_llamafactory(rows),
            "model_name_or_path": str(bench.model),
            "stage": "sft",
            "do_train": True,
            "finetuning_type": bench.method,
            **({"lora_rank": 16, "lora_alpha": 32, "lora_target": "all"} if bench.method == "lora" else {}),
            "template": "chatml",
            "cutoff_len": PACK,
            "overwrite_cache": True,
            "disable_gradient_checkpointing": True,
            "output_dir": str(bench.folder / "llamafactory"),
            "overwrite_output_dir": True,
            "per_device_train_batch_size": bench.batch_size,
            "num_train_epochs": 1,
            "learning_rate": bench.learning_rate,
            "lr_scheduler_type": "constant",
            "seed": bench.seed,
            "use_cpu": True,
            "bf16": bench.dtype == "bf16",
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            **more,
        }
    )
    return measurement


def measure(bench: Bench, peer: Trainer) -> dict[str, Any]:
    started = time.process_time()
    peer.train()
    measurement = summarize(bench, started, peer.state.global_step)
    # accelerate leaves its autocast around the model, which would be part of the held-out loss.
    trained = peer.accelerator.unwrap_model(peer.model, keep_fp32_wrapper=False)
    return {**measurement, "loss": bench.loss(trained)}


def compute_ceiling(bench: Bench) -> dict[str, Any]:
    """The time of the useful operations at the rate of a 1024 x 1024 matrix product: no padding, no overhead.

    A matrix of n weights costs 2n operations per token in the forward pass and 4n for its two gradients (Kaplan et al.
    2020, arXiv 2001.08361). The output head counts for trained tokens only; causal attention covers half of the square
    of each document.
    """
    model = bench.make_model()
    weights = sum(m.weight.numel() for m in model.model.modules() if isinstance(m, torch.nn.Linear))
    trained = sum(sum(row.trained) for row in bench.train)
    squares = sum(len(row.input_ids) ** 2 for row in bench.train)
    config = model.config
    attention = 6 * config.num_hidden_layers * config.num_attention_heads * config.head_dim * squares
    full = bench.method == "full"
    per_weight = 6 if full else 4  # frozen weights need no weight gradient
    adapters = 0 if full else sum(p.numel() for p in bench.make_peer_model().parameters() if p.requires_grad)
    head = model.lm_head.weight.numel() * trained
    operations = (per_weight * weights + 6 * adapters) * bench.tokens + per_weight * head + attention
    rate = matrix_rate(bench.dtype)
    return {
        "tokens_per_cpu_s": bench.tokens / (operations / rate),
        "tokens": bench.tokens,
        "tokens_per_step": bench.tokens / bench.steps,
        "gflops": rate / 1e9,
        "loss": None,
    }


def matrix_rate(dtype: str, size: int = 1024, repeats: int = 20) -> float:
    """Floating-point operations per CPU-second of a square matrix product in that precision."""
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    one, other = torch.randn(size, size, dtype=kind), torch.randn(size, size, dtype=kind)
    one @ other
    started = time.process_time()
    for _ in range(repeats):
        one @ other
    return 2 * size**3 * repeats / (time.process_time() - started)


def summarize(bench: Bench, started: float, steps: int) -> dict[str, Any]:
    seconds = time.process_time() - started
    return {
        "tokens_per_cpu_s": bench.tokens / seconds,
        "cpu_s": seconds,
        "tokens": bench.tokens,
        "tokens_per_step": bench.tokens / steps,
    }


def peak_mb() -> float:
    """Peak resident memory since its last reset, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1000


CANDIDATES = {
    "ours": train_ours,
    "ceiling": compute_ceiling,
    "Trainer": lambda bench: train_trainer(bench, Trainer),
    "Trainer group_by_length": lambda bench: train_trainer(
        bench,
        GroupedTrainer,
        per_device_train_batch_size=bench.group,  # small batches: with few rows, more of them have similar lengths
        gradient_accumulation_steps=bench.batch_size // bench.group,
    ),
    "TRL": train_trl,
    "TRL packing bfd": lambda bench: train_trl(
        bench, packing=True, packing_strategy="bfd", **bench.packs(bench.best_fit)
    ),
    "LLaMA-Factory": train_llamafactory,
    "LLaMA-Factory neat_packing": lambda bench: train_llamafactory(
        bench, neat_packing=True, **bench.packs(bench.knapsacks)
    ),
}


def main() -> None:
    """Measure candidates until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print to stdout, too
    bench = Bench(Path(sys.argv[1]))
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # reset the memory peak (proc(5))
        measurement = CANDIDATES[line.strip()](bench)
        print(json.dumps({**measurement, "peak_mb": peak_mb()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
