"""Trains on a Ray cluster: this process is the driver, and Ray Train starts a worker per training process.

Every worker gets torchrun's environment variables and runs train.py. Two queues connect the driver with rank 0, one for
messages and one for commands, so the service sees the same protocol as from a local engine. Files are not copied: the
paths in the spec, output and checkpoints included, must be the same shared folders on every node.
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
_MAX_UNREAD_MESSAGES = 64
"""With more messages in the queue, training waits for the driver."""
_POLL_INTERVAL_S = 0.2


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train as train.py does, on the cluster at RAY_ADDRESS. Raises EngineError `killed` if a node is lost."""
    hyperparameters = TrainingSpec.of(spec).hyperparameters
    _connect()
    messages, to_rank_0 = _make_queue(_MAX_UNREAD_MESSAGES), _make_queue(0)
    training = _RayTraining(spec, hyperparameters, messages, to_rank_0, reporter)
    while (message := _next_message(messages)) is not None or training.is_running:
        if not training.has_started:
            reporter.alive()  # it waits for nodes of the cluster
        while command := commands.poll():
            if not training.has_started:
                return {"stopped": True, "path": None, "checkpoint": None, "steps": 0}
            to_rank_0.put(command)
        if message is not None and (result := training.handle(message)) is not None:
            return result
    raise training.failure()


def _connect() -> None:
    """Connect to the cluster and stay connected: `ray.shutdown` would end this process, and Ray cleans up after it."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    ray.init(os.environ.get("RAY_ADDRESS", "auto"), runtime_env={"env_vars": ENVIRONMENT}, **quiet)


def _make_queue(size: int) -> Queue:
    """A queue on the driver's node, so that it survives the loss of any other node; size 0 means unbounded."""
    driver_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Queue(size, actor_options={"num_cpus": 0, "scheduling_strategy": driver_node})


def _next_message(messages: Queue) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = messages.get(timeout=_POLL_INTERVAL_S)
        return message
    except Empty:
        return None


class _RayTraining:
    """Runs Ray's trainer in a thread and handles the messages of its workers."""

    def __init__(
        self, spec: dict[str, Any], requested: Hyperparameters, messages: Queue, commands: Queue, reporter: Reporter
    ) -> None:
        self._reporter = reporter
        self._failures: list[dict[str, Any]] = []
        self._error: Exception | None = None
        self.has_started = False
        self._trainer = TorchTrainer(
            _run_worker,
            train_loop_config={"spec": spec, "messages": messages, "commands": commands},
            torch_config=TorchConfig(backend=BACKENDS[_has_gpus()], timeout_s=int(COLLECTIVE_TIMEOUT.total_seconds())),
            scaling_config=_scaling(requested, reporter),
            run_config=RunConfig(
                name="ray", storage_path=spec["workdir"], failure_config=FailureConfig(max_failures=0)
            ),
        )
        self._thread = threading.Thread(target=self._fit, name="ray", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the trainer, and so any worker, still runs."""
        return self._thread.is_alive()

    def _fit(self) -> None:
        try:
            self._trainer.fit()
        except Exception as error:
            self._error = error

    def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Forward a message to the service; return the result if it is the last one."""
        self.has_started = True
        kind, values = message["kind"], {name: value for name, value in message.items() if name != "kind"}
        if kind == "result":
            return values
        if kind == "failed":
            self._failures.append(values)
        else:
            self._reporter.emit(kind, **values)
        return None

    def failure(self) -> EngineError:
        """Why there is no result: an error that a worker reported, or else a lost worker.

        `engine_crashed` does not count: collective operations fail with it when another worker is lost.
        """
        reported = next((f for f in self._failures if f["code"] != "engine_crashed"), None)
        if reported:
            return EngineError(**reported)
        if "OutOfMemory" in str(self._error):
            return EngineError("out_of_memory", "A node of the cluster ran out of memory, and Ray killed the worker.")
        details = [str(self._error)] if self._error else [f["detail"] for f in self._failures]
        first_line = next(iter("".join(details).strip().splitlines()), "no reason was reported")
        return EngineError("killed", f"A worker on the cluster was lost: {first_line}")


def _has_gpus() -> bool:
    return ray.cluster_resources().get("GPU", 0) > 0


def _scaling(requested: Hyperparameters, reporter: Reporter) -> ScalingConfig:
    """Each worker's resources: a GPU if the cluster has any, and its share of the job's threads; spread over nodes."""
    processes = requested.processes
    per_worker = {"CPU": max(1, (requested.threads or processes) // processes)}
    if _has_gpus():
        per_worker["GPU"] = 1
    available = ray.cluster_resources()
    for name, count in per_worker.items():
        if count * processes > available.get(name, 0):
            need = f"{processes} processes need {count * processes} {name}"
            reporter.log("warning", f"{need}, and the cluster has {available.get(name, 0):g}: waiting for more nodes.")
    return ScalingConfig(
        num_workers=processes, use_gpu="GPU" in per_worker, resources_per_worker=per_worker, placement_strategy="SPREAD"
    )


def _run_worker(config: Mapping[str, Any]) -> None:
    """Run the engine in a worker; rank 0 communicates with the driver."""
    from services.training.engine import train

    is_main = get_context().get_world_rank() == 0

    def train_rank(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
        try:
            return train.main(spec, reporter, commands)
        except MainProcessFailed:
            return {}

    reporter = _QueueReporter(config["messages"], failures_only=not is_main)
    commands = _QueueCommands(config["commands"] if is_main else None)
    Path(config["spec"]["workdir"]).mkdir(parents=True, exist_ok=True)
    if run(train_rank, config["spec"], reporter, commands):
        raise SystemExit(1)  # Ray then ends the other workers, which wait for this one


class _QueueReporter(Reporter):
    """Sends messages to the driver; ranks other than 0 send only their failure."""

    def __init__(self, messages: Queue, *, failures_only: bool) -> None:
        super().__init__(-1)
        self._messages, self._failures_only = messages, failures_only

    def emit(self, kind: str, **data: Any) -> None:
        """Send a message; waits while the queue is full."""
        if kind == "failed" or not self._failures_only:
            self._messages.put({"kind": kind, **data})


class _QueueCommands(Commands):
    """Receives the commands that the driver forwards; no queue, no commands.

    Commands' own constructor handles signals, which Ray's worker threads cannot do.
    """

    def __init__(self, commands: Queue | None) -> None:
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closed = False
        if commands is not None:
            threading.Thread(target=self._receive, args=(commands,), name="commands", daemon=True).start()

    def _receive(self, commands: Queue) -> None:
        while True:
            self._queue.put(commands.get())


if __name__ == "__main__":
    run_from_shell(main)
