"""Takes two real steps over a job's longest rows and measures memory and time. The trained weights are discarded.

The spec is that of training (spec.py). Result: {"peak": bytes of memory above those before loading, "seconds",
"tokens"}; the latter two are of the second step.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from services.training.engine.data.batches import micro_batches_of
from services.training.engine.interrupts import Interrupted, Interrupts
from services.training.engine.loop.prepare import prepare
from services.training.engine.loop.state import Run
from services.training.engine.model import optimizer
from services.training.engine.spec import TrainingSpec
from shared.engine.process.malloc import limit_fragmentation
from shared.engine.process.protocol import Commands, Reporter, run_from_shell
from shared.runtime.processes.machine import peak_resident_memory, resident_memory

_STEPS = 2
"""AdamW allocates its moments in the first step, so the second shows the full memory."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Prepare the run as the job does, and take the steps."""
    limit_fragmentation()
    before = resident_memory()
    try:
        run = prepare(TrainingSpec.of(spec), reporter, Interrupts(commands, reporter=reporter))
        for _ in range(_STEPS):
            started = time.monotonic()
            tokens = _step(run)
        seconds = time.monotonic() - started
    except Interrupted:
        return {"stopped": True}
    return {"peak": _peak_growth(before), "seconds": round(seconds, 3), "tokens": tokens}


def _step(run: Run) -> int:
    """Take a step over the longest rows, at most two micro-batches of them; return their tokens."""
    rows = sorted(range(len(run.training)), key=lambda row: -int(run.training.lengths[row]))
    batches = list(micro_batches_of(run.training, rows[: run.hyperparameters.batch_size], run.settings))[:2]
    run.optimizer.zero_grad()
    optimizer.accumulate(run.loss, batches, run.settings.layout, run.accelerator, run.interrupts)
    optimizer.clip(run.model, run.hyperparameters.max_grad_norm, run.accelerator)
    run.optimizer.step()
    return sum(batch.tokens for batch in batches)


def _peak_growth(before: int) -> int:
    """Peak bytes of the GPU allocator, or without a GPU the peak of resident memory above `before`."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    return max(0, peak_resident_memory() - before)


if __name__ == "__main__":
    run_from_shell(main)
