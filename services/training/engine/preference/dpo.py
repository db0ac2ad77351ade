"""Direct preference optimization (arXiv 2305.18290) by TRL's trainer, driven as engine/train.py drives its own loop.

TRL brings the loss, the reference and the step. The model, the optimizer and its schedule, the order of the pairs,
budgets, checkpoints, evaluations and all that is said are those of every other run: a checkpoint is ours, so are its
promises. The reference is the base: an adapter is switched off for it; for full training its log-probabilities are
computed before the first step by a copy, which is then dropped.
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

from services.training.engine.data.batches import Sample, epoch_order
from services.training.engine.data.preference_pairs import Pairs
from services.training.engine.data.samples import Samples
from services.training.engine.loop.delivery import save
from services.training.engine.loop.divergence import check_finite
from services.training.engine.loop.prepare import Run
from services.training.engine.loop.sample_prompts import evaluation_rows
from services.training.engine.loop.stopping import Ending, ending_of
from services.training.engine.model import loading as models
from services.training.engine.preference.callbacks import Steering
from services.training.engine.train import due

BETA = 0.1
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")


def to_the_end(run: Run) -> Ending:
    """Take steps until the run is over. Raises Diverged and Interrupted as the other loop does."""
    with _special_tokens_kept(run.model):
        return _to_the_end(run)


def _to_the_end(run: Run) -> Ending:
    trainer = PairTrainer(run)
    position = run.position
    if due(run, run.hyperparameters.eval_every) and position.evaluated_at != position.step and len(run.validation):
        trainer.evaluate()
    if ending := ending_of(run):
        return ending
    trainer.train(resume_from_checkpoint=_state_of(run, trainer.args))
    ending = ending_of(run)
    assert ending is not None
    return ending


class PairTrainer(DPOTrainer):
    """TRL's trainer over a run that is prepared; it finds all in place that it would otherwise make or load itself."""

    def __init__(self, run: Run) -> None:
        self.run, self.steering = run, Steering(run)
        datasets.disable_progress_bars()
        os.environ["TQDM_DISABLE"] = "1"  # the only way to say so to TRL
        adapter = {name: weight.detach().clone() for name, weight in models.trainable(run.model).items()}
        super().__init__(
            model=run.model,
            ref_model=_reference(run),
            args=_arguments(run),
            data_collator=self.collated,
            train_dataset=_rows("train", range(len(run.training))),
            eval_dataset=_rows("validation", evaluation_rows(len(run.validation))) if len(run.validation) else None,
            processing_class=copy.deepcopy(run.tokenizer),  # it gets a padding token where it has none
            optimizers=(run.optimizer, run.scheduler),
            callbacks=[self.steering],
        )
        self.remove_callback(PrinterCallback)
        self.ref_model = None
        self.accelerator.scaler = run.accelerator.scaler
        if "ref" in getattr(run.model, "peft_config", {}):  # a copy of the new adapter, equal to none
            run.model.delete_adapter("ref")
        for name, weight in models.trainable(run.model).items():  # of a quantized base TRL trains adapters in bf16
            weight.data = adapter[name]

    def collated(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Pairs as TRL computes them, [2 * pairs, tokens]: all chosen answers, then all rejected ones."""
        self.run.interrupts.check()
        pairs = [self._split(row).pair(row["row"]) for row in rows]
        batch = _padded([pair[0] for pair in pairs] + [pair[1] for pair in pairs])
        known = [name for name in ("ref_chosen_logps", "ref_rejected_logps") if name in rows[0]]
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in known}

    def training_step(self, model: Any, inputs: dict[str, Any], *more: Any) -> Tensor:
        """Forward and backward of a micro-batch."""
        self.run.interrupts.check()
        loss = super().training_step(model, inputs, *more)
        check_finite("loss", loss.item(), self.run.position.step + 1)
        self.steering.tokens += int(inputs["attention_mask"].sum())
        return loss

    def _split(self, row: Mapping[str, Any]) -> Pairs:
        found = self.run.training if row["split"] == "train" else self.run.validation
        assert isinstance(found, Pairs)
        return found

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return EpochOrder(len(self.run.training), self.run.hyperparameters.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self.run.reporter.span("checkpoint", step=self.run.position.step):
            save(self.run)

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        """Nobody is told what is trained here."""

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        """All that a checkpoint holds is back in its place since run.resume."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None: ...

    def _load_scaler(self, checkpoint: str | None) -> None: ...

    def _load_rng_state(self, checkpoint: str | None) -> None: ...


class EpochOrder(Sampler[int]):
    """The order of the pairs, which follows from seed and epoch alone."""

    def __init__(self, rows: int, seed: int) -> None:
        self._rows, self._seed, self._epoch = rows, seed, 0

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self._rows, self._seed, self._epoch))

    def set_epoch(self, epoch: int) -> None:
        """The trainer begins that epoch."""
        self._epoch = epoch


@contextmanager
def _special_tokens_kept(model: Any) -> Iterator[None]:
    """TRL and its trainer set a model's special tokens to the tokenizer's; what is delivered has its own."""
    places = (model.config.get_text_config(), model.generation_config)
    before = [{name: getattr(place, name, None) for name in SPECIAL} for place in places]
    try:
        yield
    finally:
        for place, ids in zip(places, before, strict=True):
            for name, id in ids.items():
                setattr(place, name, id)


def _arguments(run: Run) -> DPOConfig:
    asked, dtype = run.hyperparameters, run.settings.dtype
    budget, rows = run.settings.micro_batch_tokens, len(evaluation_rows(len(run.validation)))
    at_once = pairs_at_once(run.training, asked.batch_size, budget)
    return DPOConfig(
        output_dir=str(Path(run.spec.workdir) / "trl"),
        beta=asked.beta or BETA,
        max_length=None,
        precompute_ref_log_probs=asked.method == "full",
        per_device_train_batch_size=at_once,
        per_device_eval_batch_size=pairs_at_once(run.validation, rows, budget),
        gradient_accumulation_steps=asked.batch_size // at_once,
        max_steps=run.settings.total_steps,
        max_grad_norm=asked.max_grad_norm or 0.0,
        gradient_checkpointing=asked.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        use_cpu=run.accelerator.device.type == "cpu",
        bf16=dtype == "bf16",
        fp16=dtype == "fp16",
        seed=asked.seed,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def pairs_at_once(pairs: Samples, rows: int, budget: int) -> int:
    """Pairs of a micro-batch: as many as `budget` tokens hold of the longest, but at least one.

    They are equal parts of `rows`, for TRL averages averages.
    """
    if not rows:
        return 1
    most = max(1, budget // pairs.longest)
    return max(size for size in range(1, min(most, rows) + 1) if rows % size == 0)


def _reference(run: Run) -> Any:
    """The base itself, where there is no adapter to switch off."""
    if run.hyperparameters.method != "full":
        return None
    return models.load_trainable(run.spec, run.settings.dtype).eval().requires_grad_(False)


def _rows(split: str, rows: Sequence[int]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"split": [split] * len(rows), "row": list(rows)})


def _padded(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """Right-padded; the padding id is never looked at."""
    return {
        "input_ids": pad_sequence([sample.ids for sample in samples], batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(sample.ids) for sample in samples], batch_first=True),
        "completion_mask": pad_sequence([sample.trained.long() for sample in samples], batch_first=True),
    }


def _state_of(run: Run, arguments: Any) -> str | None:
    """A folder that tells the trainer at which step to go on."""
    if run.position.step == 0:
        return None
    folder = Path(run.spec.workdir) / "trl"
    folder.mkdir(parents=True, exist_ok=True)
    state = TrainerState(global_step=run.position.step, train_batch_size=arguments.per_device_train_batch_size)
    state.compute_steps(arguments, run.settings.total_steps)
    state.save_to_json(str(folder / "trainer_state.json"))
    return str(folder)
