"""What the service receives during a run: the metrics of each step, the progress, and resource usage every second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache

import psutil
import torch

from services.training.engine.data.batches import steps_per_epoch
from services.training.engine.distributed.ranks import Ranks
from services.training.engine.loop.state import Run
from shared.engine.process.periodic import run_periodically
from shared.engine.process.protocol import Reporter
from shared.runtime.processes import machine

MetricsReader = Callable[[], dict[str, float]]
_MEGABYTE = 1e6


def memory_mb() -> float:
    """Resident memory of this process in MB (10^6 bytes)."""
    return machine.resident_memory() / _MEGABYTE


class CachedReader:
    """A metrics reader that reads at most once per second: a GPU driver can take longer than a short step."""

    def __init__(self, read: MetricsReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._metrics, self._read_at = dict[str, float](), float("-inf")

    def __call__(self) -> dict[str, float]:
        """The metrics, at most one second old."""
        if (now := self._clock()) - self._read_at >= 1.0:
            self._metrics, self._read_at = self._read(), now
        return self._metrics


def gpu_metrics_reader() -> MetricsReader:
    """A reader of the current GPU through NVML: utilization in %, memory in MB, temperature in °C, power in watts."""
    if not torch.cuda.is_available():
        return dict
    try:
        device = torch.cuda.get_device_properties(torch.cuda.current_device())
        gpu = machine.gpu_by_uuid(f"GPU-{device.uuid}")
    except Exception:  # a GPU that NVML does not know: the charts do without
        return dict
    return CachedReader(lambda: _read_gpu(gpu)) if gpu else dict


def _read_gpu(gpu: machine.Gpu) -> dict[str, float]:
    return {
        "gpu_utilization": float(gpu.utilization_percent),
        "gpu_memory_mb": gpu.used_memory / _MEGABYTE,
        "gpu_memory_peak_mb": torch.cuda.max_memory_allocated() / _MEGABYTE,
        "gpu_temperature_c": float(gpu.temperature_c),
        "gpu_power_w": gpu.power_w,
    }


def report_step(run: Run, tokens: int, *, loss: float, **metrics: float) -> None:
    """Report the metrics of the step just taken over `tokens` tokens, summed over all processes, and the progress.

    `loss` is in nats per trained token.
    """
    state = run.state
    state.train_loss_first = loss if state.train_loss_first is None else state.train_loss_first
    state.train_loss_last = loss
    cpu_percent, memory = run.ranks.sum(run.timer.cpu_percent(), memory_mb())
    run.reporter.metric(
        state.step,
        epoch=round(state.step / steps_per_epoch(len(run.training), run.hyperparameters.batch_size), 4),
        loss=loss,
        tokens=state.tokens,
        tokens_per_second=round(tokens / run.timer.step_seconds(), 1),
        cpu_percent=round(cpu_percent, 1),
        memory_mb=memory,
        **metrics,
        **run.gpu_metrics(),
    )
    report_progress(run)


def report_progress(run: Run) -> None:
    """Report the steps taken and the seconds left at the pace of this attempt."""
    done, total = run.state.step, run.settings.total_steps
    run.reporter.emit("progress", done=done, total=total, unit="steps", eta_s=run.timer.seconds_left(done))


def report_usage(
    reporter: Reporter, make_reader: Callable[[], MetricsReader], every: float = 1.0
) -> AbstractContextManager[None]:
    """Within the context, report resource usage every `every` seconds, also during loading and long steps."""
    read = make_reader()

    def report() -> None:
        with suppress(psutil.NoSuchProcess):  # the other processes are exiting
            reporter.emit("usage", **read())

    return run_periodically(report, every)


def usage_reader(ranks: Ranks) -> MetricsReader:
    """A reader for this process and, in a local group, the processes that it started.

    `cpu_percent` is since the previous read, in percent of one core; `memory_mb` is resident memory (10^6 bytes).
    """
    process = psutil.Process()
    children = process.children(recursive=True) if ranks.size > 1 else []
    return _usage_reader([process, *children], cache(gpu_metrics_reader))


def _usage_reader(processes: Sequence[psutil.Process], make_gpu_reader: Callable[[], MetricsReader]) -> MetricsReader:
    """`make_gpu_reader` is called at the first read, because the GPU driver is slow to answer the first time."""

    def cpu_percent() -> float:
        return sum(process.cpu_percent() for process in processes)

    def read() -> dict[str, float]:
        resident = sum(process.memory_info().rss for process in processes)
        return {"cpu_percent": round(cpu_percent(), 1), "memory_mb": resident / _MEGABYTE, **make_gpu_reader()()}

    cpu_percent()  # psutil measures from the previous call
    return read
