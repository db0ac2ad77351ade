"""Where a job's engine runs: in processes of this machine, or on a Ray cluster.

Both engines (shared/engine/process/protocol.py) take the same spec, write the same messages and obey the same commands:
engine/train.py, and engine/train_on_ray.py, which runs the former on the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.training.workers.capacity import Machine
from shared.runtime.settings import Settings

ENGINE = "services.training.engine.train:main"
RAY_ENGINE = "services.training.engine.train_on_ray:main"
_TORCH = ("torch", "transformers", "peft")


@dataclass(frozen=True)
class Launcher:
    """The engine to launch, the packages that it needs and the environment that it wants.

    `elsewhere`: its processes run on other machines, so this one's GPUs and cores do not limit them.
    """

    target: str = ENGINE
    requires: tuple[str, ...] = _TORCH
    env: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Launcher":
        """Ray where an address of a cluster is set, else this machine."""
        if not settings.ray_address:
            return cls()
        return cls(RAY_ENGINE, (*_TORCH, "ray"), {"RAY_ADDRESS": settings.ray_address}, elsewhere=True)

    def machine(self) -> Machine:
        """What jobs may occupy of this machine; GPUs belong to the cluster, where there is one."""
        here = Machine.here()
        return replace(here, gpu=0) if self.elsewhere else here
