"""Readings of the machine: memory, CPU use and GPUs."""

import sys
from types import SimpleNamespace

import pytest

from shared.runtime.processes import machine

GIB = 2**30


def test_memory_readings_are_consistent() -> None:
    assert 0 < machine.available_memory() < machine.total_memory()
    assert 0 < machine.used_memory() < machine.total_memory()
    assert 0 < machine.resident_memory() <= machine.peak_resident_memory() < machine.total_memory()


def test_cpu_use_is_a_percentage_of_all_cores() -> None:
    machine.cpu_percent()
    sum(range(100_000))
    assert 0 <= machine.cpu_percent() <= 100


def test_no_gpus_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert machine.gpus() == []
    assert machine.gpu_by_uuid("GPU-1") is None


def test_gpus_are_read_in_bytes_percent_celsius_and_watts(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = SimpleNamespace(
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetHandleByUUID=["GPU-0", "GPU-1"].index,
        nvmlDeviceGetName=lambda handle: f"H200 {handle}",
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=40 + handle),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(total=3 * GIB, used=GIB, free=2 * GIB),
        nvmlDeviceGetTemperature=lambda handle, sensor: 55,
        nvmlDeviceGetPowerUsage=lambda handle: 123_500,
    )
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert [gpu.name for gpu in machine.gpus()] == ["H200 0", "H200 1"]
    gpu = machine.gpu_by_uuid("GPU-1")
    assert gpu
    assert (gpu.utilization_percent, gpu.temperature_c, gpu.power_w) == (41, 55, 123.5)
    assert (gpu.total_memory, gpu.used_memory, gpu.free_memory) == (3 * GIB, GIB, 2 * GIB)
