"""The same training on a Ray cluster: this process is the driver, and Ray Train starts the engine on its nodes.

Every process finds torchrun's environment and runs engine/train.py. Messages of the first one come back here through a
queue, commands go there through another, so that whoever launched this engine sees no difference. Files do not travel:
the paths of the spec, output and checkpoints included, must lead to the same folder on every node.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig, get_context
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from services.training.engine.distributed.ranks import BACKENDS, COLLECTIVE_TIMEOUT, MainProcessFailed
from services.training.engine.spec import Hyperparameters, TrainingSpec
from shared.engine.process.protocol import Commands, EngineError, Reporter, run, run_from_shell

ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE"}
_UNREAD = 64
"""Messages on their way; beyond them training waits."""
_LOOK = 0.2


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as engine/train.py does, on the cluster that RAY_ADDRESS names. A lost node is an EngineError `killed`."""
    asked = TrainingSpec.of(spec).hyperparameters
    _connect()
    said, wished = _queue(_UNREAD), _queue(0)
    training = _Training(spec, asked, said, wished, reporter)
    while (message := _next(said)) is not None or not training.over:
        while command := commands.poll():
            if not training.begun:
                return {"stopped": True, "path": None, "checkpoint": None, "steps": 0}
            wished.put(command)
        if message is not None and (result := training.heard(message)) is not None:
            return result
    raise training.failure()


def _connect() -> None:
    """For good: Ray frees what a driver has used when its process ends, and would end this one at a shutdown."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    ray.init(os.environ.get("RAY_ADDRESS", "auto"), runtime_env={"env_vars": ENVIRONMENT}, **quiet)


def _queue(size: int) -> Queue:
    """On this machine: it must outlive any other node."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Queue(size, actor_options={"num_cpus": 0, "scheduling_strategy": here})


def _next(said: Queue) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = said.get(timeout=_LOOK)
        return message
    except Empty:
        return None


class _Training:
    """The run of a trainer in a thread, and what its processes said."""

    def __init__(
        self, spec: dict[str, Any], asked: Hyperparameters, said: Queue, wished: Queue, reporter: Reporter
    ) -> None:
        self._reporter = reporter
        self._failures: list[dict[str, Any]] = []
        self._error: Exception | None = None
        self.begun = False
        self._trainer = TorchTrainer(
            _work,
            train_loop_config={"spec": spec, "said": said, "wished": wished},
            torch_config=TorchConfig(backend=BACKENDS[_has_gpus()], timeout_s=int(COLLECTIVE_TIMEOUT.total_seconds())),
            scaling_config=_scaling(asked, reporter),
            run_config=RunConfig(
                name="ray", storage_path=spec["workdir"], failure_config=FailureConfig(max_failures=0)
            ),
        )
        self._thread = threading.Thread(target=self._fit, name="ray", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether no process runs any more."""
        return not self._thread.is_alive()

    def _fit(self) -> None:
        try:
            self._trainer.fit()
        except Exception as error:
            self._error = error

    def heard(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Pass a message on; returns the result once it comes."""
        self.begun = True
        kind, values = message["kind"], {name: value for name, value in message.items() if name != "kind"}
        if kind == "result":
            return values
        if kind == "failed":
            self._failures.append(values)
        else:
            self._reporter.emit(kind, **values)
        return None

    def failure(self) -> EngineError:
        """Why there is no result: what a process said of itself, unless it only noticed that another was gone."""
        told = next((f for f in self._failures if f["code"] != "engine_crashed"), None)
        if told:
            return EngineError(**told)
        if "OutOfMemory" in str(self._error):
            return EngineError("out_of_memory", "A node of the cluster ran out of memory, and Ray ended the process.")
        lost = [str(self._error)] if self._error else [f["detail"] for f in self._failures]
        first = next(iter("".join(lost).strip().splitlines()), "it said nothing")
        return EngineError("killed", f"A process on the cluster was lost: {first}")


def _has_gpus() -> bool:
    return ray.cluster_resources().get("GPU", 0) > 0


def _scaling(asked: Hyperparameters, reporter: Reporter) -> ScalingConfig:
    """A GPU for each process where the cluster has any, and its share of the job's threads; nodes share the load."""
    each = {"CPU": max(1, (asked.threads or asked.processes) // asked.processes)}
    if _has_gpus():
        each["GPU"] = 1
    have = ray.cluster_resources()
    for name, count in each.items():
        if count * asked.processes > have.get(name, 0):
            want = f"{asked.processes} processes want {count * asked.processes} {name}"
            reporter.log("warning", f"{want}, and the cluster has {have.get(name, 0):g}: waiting for more nodes.")
    return ScalingConfig(
        num_workers=asked.processes, use_gpu="GPU" in each, resources_per_worker=each, placement_strategy="SPREAD"
    )


def _work(config: Mapping[str, Any]) -> None:
    """In each process: the engine, whose first one talks to the driver."""
    from services.training.engine import train

    first = get_context().get_world_rank() == 0

    def work(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
        try:
            return train.main(spec, reporter, commands)
        except MainProcessFailed:
            return {}

    reporter = _Outbox(config["said"], everything=first)
    commands = _Inbox(config["wished"]) if first else _Inbox(None)
    Path(config["spec"]["workdir"]).mkdir(parents=True, exist_ok=True)
    if run(work, config["spec"], reporter, commands):
        raise SystemExit(1)  # the other processes wait for this one: Ray ends them


class _Outbox(Reporter):
    """Sends messages to the driver; of other processes than the first only why they failed."""

    def __init__(self, said: Queue, *, everything: bool) -> None:
        super().__init__(-1)
        self._said, self._everything = said, everything

    def emit(self, kind: str, **data: Any) -> None:
        """Wait while too much is on its way."""
        if self._everything or kind == "failed":
            self._said.put({"kind": kind, **data})


class _Inbox(Commands):
    """Commands that the driver passes on. Ray runs the engine in a thread, where no signal can be heard."""

    def __init__(self, wished: Queue | None) -> None:
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        if wished is not None:
            threading.Thread(target=self._hear, args=(wished,), name="commands", daemon=True).start()

    def _hear(self, wished: Queue) -> None:
        while True:
            self._waiting.put(wished.get())


if __name__ == "__main__":
    run_from_shell(main)
