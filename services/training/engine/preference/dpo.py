"""Direct preference optimization (arXiv 2305.18290) with TRL's trainer.

TRL provides the loss, the reference model and the step. Everything else is that of any other run: the model, optimizer
and schedule, the order of the pairs, budgets, checkpoints, evaluations and messages. The reference model is the base:
for adapters, the base with the adapter disabled; for full training, a copy that computes its log-probabilities before
the first step and is then released.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler
from transformers import PrinterCallback
from transformers.trainer_callback import TrainerState
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from services.training.engine.data.batches import Sample, Samples, epoch_order
from services.training.engine.data.preference_pairs import PreferencePairs
from services.training.engine.data.sample_prompts import evaluation_rows
from services.training.engine.loop.checkpoint import save_checkpoint
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason, check_finite, stop_reason
from services.training.engine.model import loading
from services.training.engine.preference.callbacks import RunCallback

BETA = 0.1
SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def train(run: Run) -> StopReason:
    """Train until there is a reason to stop. Raises Diverged and Interrupted as the supervised loop does."""
    with _special_tokens_preserved(run.model):
        trainer, state = PairTrainer(run), run.state
        if run.is_due(run.hyperparameters.eval_every) and state.evaluated_at != state.step and len(run.validation):
            trainer.evaluate()
        if reason := stop_reason(run):
            return reason
        trainer.train(resume_from_checkpoint=_write_trainer_state(run, trainer.args))
        reason = stop_reason(run)
        assert reason is not None
        return reason


class PairTrainer(DPOTrainer):
    """TRL's trainer over a prepared run: model, optimizer, scheduler and state exist already."""

    def __init__(self, run: Run) -> None:
        self.run, self.callback = run, RunCallback(run)
        datasets.disable_progress_bars()
        os.environ["TQDM_DISABLE"] = "1"  # TRL has no other switch
        adapter = {name: weight.detach().clone() for name, weight in loading.trainable(run.model).items()}
        super().__init__(
            model=run.model,
            ref_model=_reference(run),
            args=_arguments(run),
            data_collator=self.collate,
            train_dataset=_rows("train", range(len(run.training))),
            eval_dataset=_rows("validation", evaluation_rows(len(run.validation))) if len(run.validation) else None,
            processing_class=copy.deepcopy(run.tokenizer),  # TRL adds a padding token if there is none
            optimizers=(run.optimizer, run.scheduler),
            callbacks=[self.callback],
        )
        self.remove_callback(PrinterCallback)
        self.ref_model = None
        self.accelerator.scaler = run.accelerator.scaler
        if "ref" in getattr(run.model, "peft_config", {}):
            run.model.delete_adapter("ref")  # TRL's copy of the untrained adapter; the reference here is the base
        for name, weight in loading.trainable(run.model).items():  # over a quantized base, TRL casts adapters to bf16
            weight.data = adapter[name]

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Pairs in TRL's layout, [2 * pairs, tokens]: all chosen answers, then all rejected ones."""
        self.run.interrupts.check()
        pairs = [self._split(row).pair(row["row"]) for row in rows]
        batch = _padded([pair[0] for pair in pairs] + [pair[1] for pair in pairs])
        precomputed = [name for name in ("ref_chosen_logps", "ref_rejected_logps") if name in rows[0]]
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in precomputed}

    def training_step(self, model: Any, inputs: dict[str, Any], *more: Any) -> Tensor:
        """Forward and backward of a micro-batch."""
        self.run.interrupts.check()
        loss = super().training_step(model, inputs, *more)
        check_finite("loss", loss.item(), self.run.state.step + 1)
        self.callback.tokens += int(inputs["attention_mask"].sum())
        return loss

    def _split(self, row: Mapping[str, Any]) -> PreferencePairs:
        pairs = self.run.training if row["split"] == "train" else self.run.validation
        assert isinstance(pairs, PreferencePairs)
        return pairs

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return EpochOrder(len(self.run.training), self.run.hyperparameters.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self.run.reporter.span("checkpoint", step=self.run.state.step):
            save_checkpoint(self.run)

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """Nothing leaves the machine."""

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        """loop/prepare.py has restored everything that a checkpoint holds."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None: ...

    def _load_scaler(self, checkpoint: str | None) -> None: ...

    def _load_rng_state(self, checkpoint: str | None) -> None: ...


class EpochOrder(Sampler[int]):
    """The order of the pairs: a pure function of seed and epoch."""

    def __init__(self, rows: int, seed: int) -> None:
        self._rows, self._seed, self._epoch = rows, seed, 0

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self._rows, self._seed, self._epoch))

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of an epoch."""
        self._epoch = epoch


@contextmanager
def _special_tokens_preserved(model: Any) -> Iterator[None]:
    """Restore the model's special tokens afterwards: TRL overwrites them with the tokenizer's."""
    configs = (model.config.get_text_config(), model.generation_config)
    before = [{name: getattr(config, name, None) for name in SPECIAL_TOKENS} for config in configs]
    try:
        yield
    finally:
        for config, ids in zip(configs, before, strict=True):
            for name, id in ids.items():
                setattr(config, name, id)


def _arguments(run: Run) -> DPOConfig:
    hyperparameters, dtype = run.hyperparameters, run.settings.dtype
    budget, rows = run.settings.micro_batch_tokens, len(evaluation_rows(len(run.validation)))
    micro_batch = pairs_per_micro_batch(run.training, hyperparameters.batch_size, budget)
    return DPOConfig(
        output_dir=str(Path(run.spec.workdir) / "trl"),
        beta=hyperparameters.beta or BETA,
        max_length=None,
        precompute_ref_log_probs=hyperparameters.method == "full",
        per_device_train_batch_size=micro_batch,
        per_device_eval_batch_size=pairs_per_micro_batch(run.validation, rows, budget),
        gradient_accumulation_steps=hyperparameters.batch_size // micro_batch,
        max_steps=run.settings.total_steps,
        max_grad_norm=hyperparameters.max_grad_norm or 0.0,
        gradient_checkpointing=hyperparameters.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        use_cpu=run.accelerator.device.type == "cpu",
        bf16=dtype == "bf16",
        fp16=dtype == "fp16",
        seed=hyperparameters.seed,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def pairs_per_micro_batch(pairs: Samples, rows: int, budget: int) -> int:
    """Pairs in a micro-batch: as many as fit `budget` tokens if all are as long as the longest, at least one.

    The result divides `rows`: TRL averages the means of micro-batches, so unequal ones would weight pairs unequally.
    """
    if not rows:
        return 1
    limit = max(1, budget // pairs.longest)
    return max(size for size in range(1, min(limit, rows) + 1) if rows % size == 0)


def _reference(run: Run) -> Any:
    """A copy of the base for full training; with an adapter, TRL disables it instead."""
    if run.hyperparameters.method != "full":
        return None
    return loading.load_trainable(run.spec, run.settings.dtype).eval().requires_grad_(False)


def _rows(split: str, rows: Sequence[int]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"split": [split] * len(rows), "row": list(rows)})


def _padded(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Right-padded with id 0; the masks hide the padding."""
    return {
        "input_ids": pad_sequence([sample.ids for sample in samples], batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(sample.ids) for sample in samples], batch_first=True),
        "completion_mask": pad_sequence([sample.trained.long() for sample in samples], batch_first=True),
    }


def _write_trainer_state(run: Run, arguments: Any) -> str | None:
    """Write the folder from which TRL's trainer resumes; None at step 0."""
    if run.state.step == 0:
        return None
    folder = Path(run.spec.workdir) / "trl"
    folder.mkdir(parents=True, exist_ok=True)
    state = TrainerState(global_step=run.state.step, train_batch_size=arguments.per_device_train_batch_size)
    state.compute_steps(arguments, run.settings.total_steps)
    state.save_to_json(str(folder / "trainer_state.json"))
    return str(folder)
