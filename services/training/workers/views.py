"""What the API shows of a worker's machine."""

from pydantic import BaseModel, Field


class GpuUse(BaseModel):
    """One GPU as its driver describes it."""

    name: str
    percent: float = Field(description="share of the last second in which it was busy")
    memory_used_gb: float = Field(description="GiB")
    memory_gb: float = Field(description="GiB")


class MachineView(BaseModel):
    """The machine of the worker that answers: its capacity, what its jobs hold, how busy it is."""

    cpu: int = Field(description="cores that jobs may use")
    gpu: int
    memory_gb: float = Field(description="GiB that jobs may use")
    slots: int = Field(description="jobs at once")
    running: int = Field(description="jobs that hold a slot on any worker")
    cpu_held: int = Field(description="cores that these jobs hold together")
    gpu_held: int
    memory_held_gb: float
    cpu_percent: float = Field(description="of all cores together, since the last request")
    memory_used_gb: float = Field(description="GiB")
    gpus: list[GpuUse]
