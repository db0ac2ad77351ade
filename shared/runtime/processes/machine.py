"""The machine that this process runs on: its memory, CPUs and GPUs, read through psutil and NVML (nvidia-ml-py).

The limits of a control group, which psutil does not know, are in cpu_limit.py and memory_limit.py.
"""

import platform
from pathlib import Path
from typing import Any

import psutil


def total_memory() -> int:
    """Main memory in bytes."""
    return int(psutil.virtual_memory().total)


def used_memory() -> int:
    """Bytes of main memory that a new process could not get."""
    memory = psutil.virtual_memory()
    return int(memory.total - memory.available)


def available_memory() -> int:
    """Bytes of main memory that a new process could get without swapping."""
    return int(psutil.virtual_memory().available)


def resident_memory() -> int:
    """Bytes of main memory that this process holds (RSS)."""
    return int(psutil.Process().memory_info().rss)


def peak_resident_memory() -> int:
    """The most bytes that this process ever held (VmHWM, proc(5)); 0 elsewhere than on Linux.

    psutil does not report it, and `getrusage` counts what the parent held before `exec`.
    """
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def cpu_percent() -> float:
    """CPU use of all cores together since the previous call on this thread, in percent."""
    return float(psutil.cpu_percent())


_BF16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}
"""AMX, AVX-512 and Arm's extension, as /proc/cpuinfo names them."""


def has_bf16_instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies bf16, by its flags, which psutil does not report; False elsewhere than on Linux."""
    try:
        lines = cpuinfo.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return False
    fields = (line.partition(":") for line in lines)
    flags = next((value for name, _, value in fields if name.strip() in ("flags", "Features")), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model as the kernel names it, which psutil does not report; else its architecture."""
    try:
        lines = cpuinfo.read_text("ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


class Gpu:
    """One GPU. Every property asks the driver, and raises NVML's error where the driver cannot answer."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle

    @property
    def name(self) -> str:
        """Its product name."""
        return str(self._nvml.nvmlDeviceGetName(self._handle))

    @property
    def has_bf16(self) -> bool:
        """Whether it multiplies bf16 in hardware: from compute capability 8.0 (CUDA C++ programming guide)."""
        return bool(self._nvml.nvmlDeviceGetCudaComputeCapability(self._handle)[0] >= 8)

    @property
    def utilization_percent(self) -> int:
        """Share of the driver's last sample period (up to a second) in which a kernel ran."""
        return int(self._nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)

    @property
    def total_memory(self) -> int:
        """Bytes."""
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).total)

    @property
    def used_memory(self) -> int:
        """Bytes that all processes together hold."""
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).used)

    @property
    def free_memory(self) -> int:
        """Bytes."""
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._handle).free)

    @property
    def temperature_c(self) -> int:
        """Degrees Celsius."""
        return int(self._nvml.nvmlDeviceGetTemperature(self._handle, self._nvml.NVML_TEMPERATURE_GPU))

    @property
    def power_w(self) -> float:
        """Watts."""
        return float(self._nvml.nvmlDeviceGetPowerUsage(self._handle)) / 1000


def gpus() -> list[Gpu]:
    """The machine's GPUs in NVML's order; none without the package, the driver or a device."""
    nvml = _nvml()
    if nvml is None:
        return []
    return [Gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())]


def gpu_by_uuid(uuid: str) -> Gpu | None:
    """The GPU with this UUID ("GPU-..."), None without NVML. Raises NVML's error for an unknown UUID."""
    nvml = _nvml()
    return Gpu(nvml, nvml.nvmlDeviceGetHandleByUUID(uuid)) if nvml else None


def _nvml() -> Any:
    """The NVML module, initialized for the life of this process; None where it cannot run. No CUDA context is made."""
    try:
        import pynvml

        pynvml.nvmlInit()  # counts its callers, and costs nothing from the second call on
    except Exception:  # no package, no driver, no device: normal on a machine without GPUs
        return None
    return pynvml
