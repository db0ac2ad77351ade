"""What the charts show besides the loss: speed, time left, memory, and the GPU's state where there is one."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from shared.runtime.processes import machine

_MEGABYTE = 1e6


class Clock:
    """Speed of the steps of this attempt, and the time left at the pace so far, evaluations included."""

    def __init__(self, step: int, total: int, seconds: float = 0.0) -> None:
        """`seconds` is what the steps up to `step` took, in attempts before this one."""
        self._from, self._total, self._before = step, total, seconds
        self._began = self._step_began = time.monotonic()
        self._processor_began = time.process_time()

    def start_step(self) -> None:
        """A step begins: evaluations and checkpoints before it do not count into its speed."""
        self._step_began = time.monotonic()
        self._processor_began = time.process_time()

    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self._step_began

    def trained(self) -> float:
        """Seconds of training over all attempts, evaluations included."""
        return self._before + time.monotonic() - self._began

    def cpu_percent(self) -> float:
        """Processor use of this process since the step began, all threads, in percent of one core."""
        return 100 * (time.process_time() - self._processor_began) / max(self.seconds(), 1e-9)

    def eta(self, step: int) -> float:
        """Seconds until all steps are done."""
        done = max(1, step - self._from)
        return (time.monotonic() - self._began) / done * (self._total - step)


def memory_mb() -> float:
    """Resident memory of this process in MB (10^6 bytes)."""
    return machine.resident_memory() / _MEGABYTE


class EachSecond:
    """A reader's figures, read anew once they are a second old: a driver may take longer than a short step may cost."""

    def __init__(self, read: Callable[[], dict[str, float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._figures, self._read_at = dict[str, float](), float("-inf")

    def __call__(self) -> dict[str, float]:
        """The figures, at most a second old."""
        if (now := self._clock()) - self._read_at >= 1.0:
            self._figures, self._read_at = self._read(), now
        return self._figures


def gpu_gauges() -> Callable[[], dict[str, float]]:
    """A reader of the GPU in use through NVML: utilization %, memory MB, temperature in Celsius, power in watts."""
    if not torch.cuda.is_available():
        return dict
    try:
        device = torch.cuda.get_device_properties(torch.cuda.current_device())
        gpu = machine.gpu_by_uuid(f"GPU-{device.uuid}")
    except Exception:  # a GPU that NVML does not know: charts without it
        return dict
    return EachSecond(lambda: _read(gpu)) if gpu else dict


def _read(gpu: machine.Gpu) -> dict[str, float]:
    return {
        "gpu_utilization": float(gpu.utilization_percent),
        "gpu_memory_mb": gpu.used_memory / _MEGABYTE,
        "gpu_memory_peak_mb": torch.cuda.max_memory_allocated() / _MEGABYTE,
        "gpu_temperature_c": float(gpu.temperature_c),
        "gpu_power_w": gpu.power_w,
    }
