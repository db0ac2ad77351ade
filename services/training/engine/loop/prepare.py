"""What happens before the first step: load the model, tokenize the data, resolve what the request left open.

A resumed run takes the resolved settings from its checkpoint and restores the state of that step.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from services.training.engine.data.batches import Samples, choose_max_length, first_steps_costs
from services.training.engine.data.labelled_answers import LabelledAnswers
from services.training.engine.data.packing import describe_layout
from services.training.engine.data.preference_pairs import PreferencePairs
from services.training.engine.data.sample_prompts import choose_sample_prompts
from services.training.engine.data.token_store import Table, read_prompts, read_skipped
from services.training.engine.data.tokenization import PAIRS, tokenize_dataset
from services.training.engine.distributed.ranks import SINGLE_PROCESS, Ranks
from services.training.engine.interrupts import Interrupts
from services.training.engine.kernels.report import describe_kernels
from services.training.engine.loop.checkpoint import Checkpoint, read_checkpoint, restore_weights
from services.training.engine.loop.metrics import gpu_metrics_reader
from services.training.engine.loop.provenance import describe_origin
from services.training.engine.loop.state import Run, StepTimer, TrainingState
from services.training.engine.loop.stopping import scale_warmup, steps_within_token_budget
from services.training.engine.loop.warnings import warn_about_data, warn_about_dtype, warn_about_model
from services.training.engine.model import loading, optimizer, trials
from services.training.engine.model.loss import balances_experts
from services.training.engine.model.parallelize import parallelize, shard_optimizer_state
from services.training.engine.spec import BatchLayout, Dtype, Hyperparameters, Objective, Settings, TrainingSpec
from shared.engine.process.malloc import retain_freed_memory
from shared.engine.process.protocol import EngineError, Reporter
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

_SAMPLES: dict[Objective, type[Samples]] = {"sft": Samples, "dpo": PreferencePairs, "kto": LabelledAnswers}


@dataclass
class Inputs:
    """Model, tokenizer and data of a run.

    `context_length` is the model's, in tokens; `tables` are the tokenized splits, stored in the folder `tokens`.
    """

    tokenizer: Any
    template: ChatTemplate
    accelerator: Accelerator
    model: Any
    context_length: int
    tokens: Path
    tables: list[Table]


def prepare(spec: TrainingSpec, reporter: Reporter, interrupts: Interrupts, ranks: Ranks = SINGLE_PROCESS) -> Run:
    """Load model and data, resolve the settings or take them from the checkpoint, and build the run."""
    started, hyperparameters = time.monotonic(), spec.hyperparameters
    checkpoint = read_checkpoint(Path(spec.resume_from)) if spec.resume_from else None
    saved = checkpoint.settings if checkpoint else None
    threads = saved.threads if saved else hyperparameters.threads or torch.get_num_threads()
    torch.set_num_threads(max(1, threads // ranks.size))
    dtype = saved.dtype if saved else ranks.broadcast_result(lambda: _choose_dtype(spec))
    inputs = load_inputs(spec, dtype, reporter, interrupts, ranks)

    settings = saved or ranks.broadcast_result(lambda: resolve_settings(hyperparameters, threads, dtype, inputs))
    settings = settings.at_most(hyperparameters.micro_batch_tokens)
    if settings.template_hash != inputs.template.hash:
        raise EngineError("checkpoint_mismatch", "the tokenizer or its template has changed since the checkpoint")
    samples, skipped = _SAMPLES[hyperparameters.objective], read_skipped(inputs.tokens)
    training, validation = (samples.from_table(table, settings.max_length) for table in inputs.tables)
    skipped.check_rows_left(len(inputs.tables[0].samples))
    total_steps = settings.total_steps or count_steps(hyperparameters, training)

    accelerator, model = inputs.accelerator, inputs.model
    # FSDP replaces the parameters, so the optimizer is created from the parallelized model.
    loss = parallelize(model, hyperparameters.strategy, ranks, accelerator.device)
    adamw = accelerator.prepare_optimizer(optimizer.make_optimizer(model, hyperparameters))
    schedule = scale_warmup(hyperparameters, total_steps, len(training))
    run = Run(
        spec=spec,
        settings=settings.model_copy(update={"total_steps": total_steps}),
        tokenizer=inputs.tokenizer,
        template=inputs.template,
        training=training,
        validation=validation,
        warmup_steps=schedule.warmup(total_steps),
        sample_prompts=choose_sample_prompts(read_prompts(inputs.tokens), inputs.context_length),
        accelerator=accelerator,
        model=model,
        loss=loss,
        optimizer=adamw,
        scheduler=optimizer.make_scheduler(adamw, schedule, total_steps),
        state=TrainingState(),
        rng_state=optimizer.random_state(),
        timer=StepTimer(0, total_steps, time.monotonic() - started),
        gpu_metrics=gpu_metrics_reader(),
        reporter=reporter,
        interrupts=interrupts.for_ranks(ranks),
        ranks=ranks,
    )
    log_run(run)
    warn_about_dtype(run)
    warn_about_data(run, skipped)
    warn_about_model(run)
    if checkpoint:
        resume(run, checkpoint)
    return run


def load_inputs(
    spec: TrainingSpec, dtype: Dtype, reporter: Reporter, interrupts: Interrupts, ranks: Ranks = SINGLE_PROCESS
) -> Inputs:
    """Load the model and tokenize the data; with several processes, the main process tokenizes for all."""
    tokenizer = load_tokenizer(spec.model.model_dump())
    template = ChatTemplate.of(tokenizer)
    accelerator = optimizer.accelerator_for(dtype)
    torch.manual_seed(spec.hyperparameters.seed)  # LoRA's A matrices start from random values
    with reporter.span("load model"):
        model = loading.load_trainable(spec, dtype, ranks)
    retain_freed_memory()  # from here on, every step allocates blocks of the same sizes
    context_length = loading.context_length(model)
    with reporter.span("tokenize"):
        tokens = ranks.broadcast_result(lambda: load_or_tokenize(spec, tokenizer, context_length, reporter, interrupts))
        tables = [Table.open(tokens, split) for split in ("train", "validation")]
    return Inputs(tokenizer, template, accelerator, model, context_length, tokens, tables)


def load_or_tokenize(
    spec: TrainingSpec, tokenizer: Any, context_length: int, reporter: Reporter, interrupts: Interrupts
) -> Path:
    """The folder with the dataset's tokens. Plain text is split into windows that fit the context, pairs are not."""
    hyperparameters = spec.hyperparameters
    window = min(context_length, spec.dataset.window or hyperparameters.max_length or context_length)
    window = PAIRS if hyperparameters.objective == "dpo" else window
    return tokenize_dataset(spec.dataset, tokenizer, window, Path(spec.workdir), reporter, interrupts)


def count_steps(hyperparameters: Hyperparameters, training: Samples) -> int:
    """The optimizer steps requested, or those that the token budget allows.

    Raises EngineError `nothing_to_train` if no row is left.
    """
    if not len(training):
        raise EngineError(
            "nothing_to_train",
            f"no row is left to train within {training.max_length} tokens: {training.describe_skipped()}",
            field="max_length",
            remedy="raise max_length, or check that the rows have assistant turns",
        )
    total = hyperparameters.total_steps(len(training))
    return steps_within_token_budget(hyperparameters, training.lengths.tolist(), total)


def resolve_settings(hyperparameters: Hyperparameters, threads: int, dtype: Dtype, inputs: Inputs) -> Settings:
    """Decide what the request left open. A resumed run keeps these decisions, so that its numbers do not change."""
    rows = inputs.tables[0]
    max_length = min(
        inputs.context_length, hyperparameters.max_length or choose_max_length(rows, inputs.context_length)
    )
    lengths = Samples.from_table(rows, max_length).lengths.tolist()
    layouts: set[BatchLayout] = {"padded"}
    if lengths:
        may_pack = hyperparameters.objective == "sft" and hyperparameters.may_pack(inputs.accelerator.device.type)
        with inputs.accelerator.autocast():  # which attention kernel runs depends on the precision
            layouts = trials.exact_layouts(inputs.model, max(lengths), may_pack=may_pack)
    cheaper = first_steps_costs(lengths, hyperparameters, hyperparameters.micro_batch_tokens).cheaper
    return Settings(
        layout=cheaper if cheaper in layouts else layouts.pop(),
        dtype=dtype,
        threads=threads,
        max_length=max_length,
        micro_batch_tokens=hyperparameters.micro_batch_tokens,
        template_hash=inputs.template.hash,
    )


def log_run(run: Run) -> None:
    """Log what is trained on what."""
    trained = sum(weight.numel() for weight in loading.trainable(run.model).values())
    log = run.reporter.log
    log(
        "info",
        f"{run.hyperparameters.method}: {trained:,} of {loading.count_parameters(run.model):,} parameters on "
        f"{run.accelerator.device}, {run.settings.dtype}, {run.settings.threads} threads",
    )
    if balances_experts(run.model) is False:
        log("info", "mixture of experts without a router loss: its configuration has output_router_logits false")
    for line in describe_kernels(run.model, run.accelerator.device, run.settings, run.hyperparameters):
        log("info", line)
    if run.ranks.size > 1:
        cpus = len(os.sched_getaffinity(0))
        log("info", f"{run.ranks.size} processes ({run.hyperparameters.strategy}), the main process on {cpus} CPUs")
    log(
        "info",
        f"{len(run.training):,} training and {len(run.validation):,} validation samples, up to "
        f"{run.settings.max_length} tokens, {run.settings.total_steps:,} steps",
    )
    if run.hyperparameters.eval_every and len(run.validation):
        rows, every = len(run.evaluation_rows), run.hyperparameters.eval_every
        log("info", f"evaluates {rows:,} of the {len(run.validation):,} validation samples every {every:,} steps")
    run.reporter.emit("provenance", **describe_origin(run.spec, run.settings, str(run.accelerator.device)))
    run.reporter.emit("settled", longest=run.training.longest, micro_batch_tokens=run.settings.micro_batch_tokens)
    if run.hyperparameters.objective == "sft":
        costs = first_steps_costs(run.training.lengths.tolist(), run.hyperparameters, run.settings.micro_batch_tokens)
        may_pack = run.hyperparameters.may_pack(run.accelerator.device.type)
        log("info", describe_layout(run.settings.layout, costs, may_pack=may_pack))


def resume(run: Run, checkpoint: Checkpoint) -> None:
    """Restore weights, optimizer, scheduler, random generators and progress as of the checkpoint's step."""
    restore_weights(checkpoint.weights, loading.trainable(run.model))
    states = checkpoint.optimizer_states
    run.optimizer.load_state_dict(shard_optimizer_state(states["optimizer"], run.optimizer))
    run.scheduler.load_state_dict(states["scheduler"])
    if run.accelerator.scaler is not None:
        run.accelerator.scaler.load_state_dict(states["scaler"])
    optimizer.restore_random_state(states["random"])
    if run.ranks.is_main:
        checkpoint.restore_best_weights(run.best_weights)
    run.rng_state = states["random"]
    run.state = checkpoint.state.model_copy(update={"saved_at": checkpoint.state.step})
    earlier = run.state.seconds + run.timer.total_seconds()
    run.timer = StepTimer(run.state.step, run.settings.total_steps, earlier)
    run.reporter.emit("resumed", step=run.state.step)


def _choose_dtype(spec: TrainingSpec) -> Dtype:
    return loading.choose_dtype(spec.hyperparameters.dtype, loading.size_of(spec.model))
