"""A training run before its first step: the model loaded, the data tokenized, what was left open settled.

A run that goes on from a checkpoint takes its settlements from there instead, and is put back to the checkpoint's step.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from services.training.engine.data import samples as data
from services.training.engine.data.batches import first_steps_costs
from services.training.engine.data.packing import describe_layout
from services.training.engine.data.preference_pairs import Pairs
from services.training.engine.data.token_store import Table, read_prompts
from services.training.engine.distributed.parallelize import part_of_optimizer, spread
from services.training.engine.distributed.ranks import ALONE, Ranks
from services.training.engine.kernels import report as kernels
from services.training.engine.kernels.compile import wanted
from services.training.engine.loop import checkpoint as checkpoints
from services.training.engine.loop.budget import minutes_used_up, shortened, steps_within
from services.training.engine.loop.checkpoint import Checkpoint, Position
from services.training.engine.loop.interrupts import Interrupts
from services.training.engine.loop.metrics import Clock, gpu_gauges
from services.training.engine.loop.provenance import made_with
from services.training.engine.loop.sample_prompts import Prompt, shown_prompts
from services.training.engine.model import loading as models
from services.training.engine.model import optimizer as optimize
from services.training.engine.spec import Dtype, Hyperparameters, Settings, TrainingSpec
from shared.engine.process.malloc import retain_freed_memory
from shared.engine.process.protocol import EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer


@dataclass
class Run:
    """Everything that a step touches."""

    spec: TrainingSpec
    settings: Settings
    tokenizer: Any
    template: ChatTemplate
    training: data.Samples
    validation: data.Samples
    prompts: list[Prompt]
    accelerator: Accelerator
    model: Any
    loss: nn.Module
    optimizer: Any
    scheduler: Any
    position: Position
    randomness: dict[str, Any]
    clock: Clock
    gauges: Callable[[], dict[str, float]]
    reporter: Reporter
    interrupts: Interrupts
    ranks: Ranks

    @property
    def hyperparameters(self) -> Hyperparameters:
        """As the service resolved them."""
        return self.spec.hyperparameters

    @property
    def best(self) -> Path:
        """The trained weights with the lowest validation loss so far."""
        return Path(self.spec.workdir) / "best.safetensors"

    @property
    def adapted(self) -> bool:
        """Whether what is trained is an adapter, which can be switched off."""
        return self.hyperparameters.method != "full"

    @property
    def gave_up(self) -> bool:
        """Whether so many evaluations brought no gain that more steps are not worth it."""
        patience = self.hyperparameters.early_stopping_patience
        return patience is not None and self.position.evaluations_without_gain >= patience

    @property
    def over(self) -> bool:
        """Whether the last step is done: all of them, or what the time budget allows."""
        return self.position.step == self.settings.total_steps or minutes_used_up(self.hyperparameters, self.position)


@dataclass
class Materials:
    """What a run is made of. `limit` is the model's context, `tokens` the folder that `tables` (by split) lie in."""

    tokenizer: Any
    template: ChatTemplate
    accelerator: Accelerator
    model: Any
    limit: int
    tokens: Path
    tables: list[Table]


def prepare(spec: TrainingSpec, reporter: Reporter, interrupts: Interrupts, ranks: Ranks = ALONE) -> Run:
    """Load the model, tokenize the data, settle what was left open; or take all that from the checkpoint."""
    asked = spec.hyperparameters
    checkpoint = checkpoints.read(Path(spec.resume_from)) if spec.resume_from else None
    before = checkpoint.settings if checkpoint else None
    threads = before.threads if before else asked.threads or torch.get_num_threads()
    torch.set_num_threads(max(1, threads // ranks.size))
    dtype = before.dtype if before else ranks.told(lambda: models.choose_dtype(asked.dtype, models.size_of(spec.model)))
    made_of = gather(spec, dtype, reporter, interrupts, ranks)

    settings = before or ranks.told(lambda: settle(asked, threads, dtype, made_of))
    settings = settings.at_most(asked.micro_batch_tokens)
    if settings.template_hash != made_of.template.hash:
        raise EngineError("checkpoint_mismatch", "the tokenizer or its template has changed since the checkpoint")
    cut = Pairs.cut if asked.objective == "dpo" else data.cut
    training, validation = (cut(table, settings.max_length) for table in made_of.tables)
    total = settings.total_steps or steps_of(asked, training)

    accelerator, model = made_of.accelerator, made_of.model
    loss = spread(model, asked.strategy, ranks, accelerator.device)
    optimizer = accelerator.prepare_optimizer(optimize.make_optimizer(model, asked))
    run = Run(
        spec=spec,
        settings=settings.model_copy(update={"total_steps": total}),
        tokenizer=made_of.tokenizer,
        template=made_of.template,
        training=training,
        validation=validation,
        prompts=shown_prompts(read_prompts(made_of.tokens), made_of.limit),
        accelerator=accelerator,
        model=model,
        loss=loss,
        optimizer=optimizer,
        scheduler=optimize.make_scheduler(optimizer, shortened(asked, total, len(training)), total),
        position=Position(),
        randomness=optimize.random_state(),
        clock=Clock(0, total),
        gauges=gpu_gauges(),
        reporter=reporter,
        interrupts=interrupts.among(ranks),
        ranks=ranks,
    )
    describe(run)
    if checkpoint:
        resume(run, checkpoint)
    return run


def gather(
    spec: TrainingSpec, dtype: Dtype, reporter: Reporter, interrupts: Interrupts, ranks: Ranks = ALONE
) -> Materials:
    """Load the model and tokenize the data; of several processes the first one tokenizes for all."""
    tokenizer = load_tokenizer(spec.model.model_dump())
    template = ChatTemplate.of(tokenizer)
    accelerator = optimize.accelerator_for(dtype)
    torch.manual_seed(spec.hyperparameters.seed)  # adapters begin at random
    with reporter.span("load model"):
        model = models.load_trainable(spec, dtype, ranks)
    retain_freed_memory()  # from here on every step wants the same blocks
    limit = models.context_length(model)
    with reporter.span("tokenize"):
        tokens = ranks.told(lambda: tokenized(spec, tokenizer, limit, reporter, interrupts))
        tables = [Table.open(tokens, split) for split in ("train", "validation")]
    return Materials(tokenizer, template, accelerator, model, limit, tokens, tables)


def tokenized(spec: TrainingSpec, tokenizer: Any, limit: int, reporter: Reporter, interrupts: Interrupts) -> Path:
    """The folder of the dataset's tokens; pairs are kept whole, texts in windows of at most `limit` tokens."""
    asked = spec.hyperparameters
    window = min(limit, spec.dataset.window or asked.max_length or limit)
    window = data.PAIRS if asked.objective == "dpo" else window
    return data.tokenized(spec.dataset, tokenizer, window, Path(spec.workdir), reporter, interrupts)


def steps_of(asked: Hyperparameters, training: data.Samples) -> int:
    """All steps that were asked for, or those that the token budget pays for.

    Raises EngineError `nothing_to_train` where no row is left.
    """
    if not len(training):
        raise EngineError(
            "nothing_to_train",
            f"no row of the dataset has a token to learn within {training.max_length} tokens",
            field="max_length",
            remedy="raise max_length, or check that the rows have assistant turns",
        )
    return steps_within(asked, training.lengths.tolist(), asked.total_steps(len(training)))


def settle(asked: Hyperparameters, threads: int, dtype: Dtype, made_of: Materials) -> Settings:
    """Decide what the request left open; a resumed run keeps these decisions."""
    rows = made_of.tables[0]
    max_length = min(made_of.limit, asked.max_length or data.choose_max_length(rows, made_of.limit))
    lengths = data.cut(rows, max_length).lengths.tolist()
    with made_of.accelerator.autocast():  # attention depends on the precision
        packs = asked.objective == "sft" and models.packs_exactly(made_of.model)
    tokens = asked.total_steps(len(lengths)) * asked.batch_size * sum(lengths) / max(1, len(lengths))
    return Settings(
        layout=first_steps_costs(lengths, asked, asked.micro_batch_tokens).cheaper if packs else "padded",
        dtype=dtype,
        threads=threads,
        max_length=max_length,
        micro_batch_tokens=asked.micro_batch_tokens,
        template_hash=made_of.template.hash,
        compiled=wanted(asked, made_of.model, tokens),
    )


def describe(run: Run) -> None:
    """Say in the log what will be trained on what, and what is left out."""
    trained, whole = sum(w.numel() for w in models.trainable(run.model).values()), models.count_parameters(run.model)
    log = run.reporter.log
    log(
        "info",
        f"{run.hyperparameters.method}: {trained:,} of {whole:,} parameters on {run.accelerator.device}, "
        f"{run.settings.dtype}, {run.settings.threads} threads",
    )
    for line in kernels.in_words(run.model, run.accelerator.device, run.settings):
        log("info", line)
    if run.ranks.size > 1:
        how = f"{run.hyperparameters.strategy}, {len(os.sched_getaffinity(0))} CPUs for the first"
        log("info", f"{run.ranks.size} processes ({how}), each with its share of every step")
    log(
        "info",
        f"{len(run.training):,} training and {len(run.validation):,} validation samples, up to "
        f"{run.settings.max_length} tokens, {run.settings.total_steps:,} steps",
    )
    run.reporter.emit("provenance", **made_with(run.spec, run.settings, str(run.accelerator.device)))
    run.reporter.emit("settled", longest=run.training.longest, micro_batch_tokens=run.settings.micro_batch_tokens)
    if not isinstance(run.training, Pairs):
        costs = first_steps_costs(run.training.lengths.tolist(), run.hyperparameters, run.settings.micro_batch_tokens)
        log("info", describe_layout(run.settings.layout, costs))
    for split, samples in (("training", run.training), ("validation", run.validation)):
        if samples.aside:
            log("warning", f"{samples.aside} {split} samples have no token to learn and are set aside")
        if samples.truncated:
            log("warning", f"{samples.truncated} {split} samples are cut to {run.settings.max_length} tokens")
    if run.spec.dataset.form == "preference" and run.hyperparameters.objective == "sft":
        log("warning", "preference pairs: the chosen answers are learned, the rejected ones are not used")


def resume(run: Run, checkpoint: Checkpoint) -> None:
    """Put everything back as it was after the checkpoint's step."""
    checkpoints.restore_weights(checkpoint.weights, models.trainable(run.model))
    machinery = checkpoint.machinery
    run.optimizer.load_state_dict(part_of_optimizer(machinery["optimizer"], run.optimizer))
    run.scheduler.load_state_dict(machinery["scheduler"])
    if run.accelerator.scaler is not None:
        run.accelerator.scaler.load_state_dict(machinery["scaler"])
    optimize.restore_random_state(machinery["random"])
    if run.ranks.first:
        checkpoint.bring_best(run.best)
    run.randomness = machinery["random"]
    run.position = checkpoint.position.model_copy(update={"saved_at": checkpoint.position.step})
    run.clock = Clock(run.position.step, run.settings.total_steps, run.position.seconds)
    run.reporter.emit("resumed", step=run.position.step)
