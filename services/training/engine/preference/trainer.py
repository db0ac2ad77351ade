"""Drives TRL's preference trainers, each of which is a subclass in a file of its own (dpo.py, kto.py).

TRL provides the loss, the reference model and the step. Everything else is that of any other run: the model, optimizer
and schedule, the order of the rows, budgets, checkpoints, evaluations and messages. The reference model is the base:
for adapters, the base with the adapter disabled; for full training, a copy that computes its log-probabilities before
the first step and is then released.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import datasets
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer
from transformers.trainer_callback import TrainerState

from services.training.engine.data.batches import Sample, Samples, epoch_order, step_rows
from services.training.engine.loop.checkpoint import save_checkpoint
from services.training.engine.loop.state import Run
from services.training.engine.loop.stopping import StopReason, check_finite, stop_reason
from services.training.engine.model import loading
from services.training.engine.preference.callbacks import RunCallback

SamplesT = TypeVar("SamplesT", bound=Samples)
BETA = 0.1
"""The default of both papers' authors."""
SPECIAL_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def train_with(make_trainer: Callable[[Run], RunTrainer], run: Run) -> StopReason:
    """Train until there is a reason to stop. Raises Diverged and Interrupted as the supervised loop does."""
    with _special_tokens_preserved(run.model):
        trainer, state = make_trainer(run), run.state
        if run.is_due(run.hyperparameters.eval_every) and state.evaluated_at != state.step and len(run.validation):
            trainer.evaluate()
        if reason := stop_reason(run):
            return reason
        trainer.train(resume_from_checkpoint=_write_trainer_state(run, trainer.args))
        reason = stop_reason(run)
        assert reason is not None
        return reason


class RunTrainer(Trainer):
    """What a trainer of TRL does over a prepared run: model, optimizer, scheduler and state exist already.

    A subclass also derives from TRL's trainer, whose methods these override.
    """

    ref_model: Any
    samples_per_row = 1
    """Samples of a micro-batch that belong to one row of the data."""

    def __init__(self, run: Run, arguments: Any) -> None:
        self.run, self.callback = run, RunCallback(run)
        datasets.disable_progress_bars()
        os.environ["TQDM_DISABLE"] = "1"  # TRL has no other switch
        adapter = {name: weight.detach().clone() for name, weight in loading.trainable(run.model).items()}
        validation = run.evaluation_rows
        super().__init__(
            model=run.model,
            ref_model=_reference(run),  # type: ignore[call-arg]  # an argument of TRL's trainers
            args=arguments,
            data_collator=self.collate,
            train_dataset=_rows("train", range(len(run.training))),
            eval_dataset=_rows("validation", validation) if validation else None,
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

    def samples(self, split: str, kind: type[SamplesT]) -> SamplesT:
        """The samples of a split."""
        samples = self.run.training if split == "train" else self.run.validation
        assert isinstance(samples, kind)
        return samples

    def batch(self, split: str, rows: Sequence[int]) -> dict[str, Tensor]:
        """The tensors of a micro-batch in TRL's layout, for rows of the training or validation samples."""
        raise NotImplementedError

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """A micro-batch, with the reference's log-probabilities if they are computed already."""
        self.run.interrupts.check()
        reference = [name for name in rows[0] if name.startswith("ref_")]
        batch = self.batch(rows[0]["split"], [row["row"] for row in rows])
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in reference}

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss; in training, weighted so that every row of the step counts the same.

        The trainer averages the means of micro-batches, and the last step of an epoch may end with a smaller one.
        """
        loss: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if return_outputs or not model.training:
            return loss
        run, settings = self.run, self.run.hyperparameters
        rows = len(step_rows(len(run.training), settings.batch_size, settings.seed, run.state.step))
        share = len(inputs["input_ids"]) / self.samples_per_row / rows
        return loss * share * self.current_gradient_accumulation_steps

    def training_step(self, model: Any, inputs: dict[str, Any], *more: Any) -> Tensor:
        """Forward and backward of a micro-batch."""
        self.run.interrupts.check()
        loss = super().training_step(model, inputs, *more)
        check_finite("loss", loss.item(), self.run.state.step + 1)
        self.callback.tokens += int(inputs["attention_mask"].sum())
        return loss

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


def arguments(run: Run, micro_batch: int, evaluation_batch: int) -> dict[str, Any]:
    """The arguments that TRL's configurations share, for micro-batches of that many rows."""
    hyperparameters, dtype = run.hyperparameters, run.settings.dtype
    return {
        "output_dir": str(Path(run.spec.workdir) / "trl"),
        "beta": hyperparameters.beta or BETA,
        "max_length": None,
        "precompute_ref_log_probs": hyperparameters.method == "full",
        "per_device_train_batch_size": micro_batch,
        "per_device_eval_batch_size": evaluation_batch,
        "gradient_accumulation_steps": hyperparameters.batch_size // micro_batch,
        "max_steps": run.settings.total_steps,
        "max_grad_norm": hyperparameters.max_grad_norm or 0.0,
        "gradient_checkpointing": hyperparameters.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "use_cpu": run.accelerator.device.type == "cpu",
        "bf16": dtype == "bf16",
        "fp16": dtype == "fp16",
        "seed": hyperparameters.seed,
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "eval_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }


def _reference(run: Run) -> Any:
    """A copy of the base for full training; with an adapter, TRL disables it instead."""
    if run.hyperparameters.method != "full":
        return None
    return loading.load_trainable(run.spec, run.settings.dtype).eval().requires_grad_(False)


def _rows(split: str, rows: Sequence[int]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"split": [split] * len(rows), "row": list(rows)})


def padded(samples: Sequence[Sample]) -> dict[str, Tensor]:
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
