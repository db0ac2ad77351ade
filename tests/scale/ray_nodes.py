"""A Ray cluster of two nodes on this machine, each with processes of its own."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
CORES = 2
"""Of each node: when one is lost, two processes still have room on the other."""


class RayNode:
    """What `ray start --block` runs in a session of its own."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ray.scripts.scripts",
                "start",
                "--block",
                f"--num-cpus={CORES}",
                "--object-store-memory=100000000",
                *options,
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_worker_niceness": "0",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End the node as a power cut would: every process of its session at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def ray_nodes() -> Iterator[tuple[str, RayNode]]:
    """The address of a cluster that is ready, and its second node."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    nodes: list[RayNode] = []
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:  # sockets want short paths
        try:
            nodes += [RayNode("--head", f"--port={address.partition(':')[2]}", f"--temp-dir={folder}")]
            nodes += [RayNode(f"--address={address}")]
            _await(address, len(nodes) * CORES)
            yield address, nodes[1]
        finally:
            for node in reversed(nodes):
                node.kill()


def _await(address: str, cores: int) -> None:
    """Until all nodes have joined."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
            break
        except (ConnectionError, RuntimeError):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    try:
        while ray.cluster_resources().get("CPU", 0) < cores:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        ray.shutdown()
