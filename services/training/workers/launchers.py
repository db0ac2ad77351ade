"""Where a job's engine runs: in processes of this machine, or on a Ray cluster.

Both engines take the same spec, write the same messages and obey the same commands (shared/engine/process/protocol.py).
engine/train.py trains; engine/train_on_ray.py runs it on the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.training.workers.capacity import Machine
from shared.runtime.processes.limits import Limits
from shared.runtime.settings import Settings

ENGINE = "services.training.engine.train:main"
RAY_ENGINE = "services.training.engine.train_on_ray:main"
LOCAL = Limits(network="loopback")
"""Several processes of a job connect to each other."""
REMOTE = Limits(network="open", own_files=False)
"""Ray's driver connects to other machines, and keeps files of its own."""
_TORCH = ("torch", "transformers", "peft")


@dataclass(frozen=True)
class Launcher:
    """The engine to launch, the packages that it needs, its environment and limits.

    `remote`: its processes run on other machines, so this one's GPUs and cores do not limit them.
    """

    target: str = ENGINE
    requires: tuple[str, ...] = _TORCH
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = LOCAL
    remote: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Launcher":
        """Ray where the address of a cluster is set, else this machine."""
        if not settings.ray_address:
            return cls()
        return cls(
            RAY_ENGINE,
            (*_TORCH, "ray"),
            {"RAY_ADDRESS": settings.ray_address},
            REMOTE,
            True,
        )

    def machine(self) -> Machine:
        """The resources of this machine that jobs may hold; with a cluster, GPUs are the cluster's."""
        local = Machine.local()
        return replace(local, gpu=0) if self.remote else local
