"""A local Ray cluster of two nodes, each in its own session."""

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
START_TIMEOUT_S = 120
CPUS_PER_NODE = 2
"""Enough for two training processes on one node after the other is lost."""


class RayNode:
    """A `ray start --block` process in its own session."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ray.scripts.scripts",
                "start",
                "--block",
                f"--num-cpus={CPUS_PER_NODE}",
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
        """Send SIGKILL to all processes of the node at once, as in a power failure."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def ray_nodes() -> Iterator[tuple[str, RayNode]]:
    """Start a cluster; yield its address and its second node once both nodes have joined."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    nodes: list[RayNode] = []
    # Ray puts Unix sockets here, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        try:
            nodes += [RayNode("--head", f"--port={address.partition(':')[2]}", f"--temp-dir={folder}")]
            nodes += [RayNode(f"--address={address}")]
            _wait_until_ready(address, len(nodes) * CPUS_PER_NODE)
            yield address, nodes[1]
        finally:
            for node in reversed(nodes):
                node.kill()


def _wait_until_ready(address: str, cpus: int) -> None:
    """Wait until the cluster at `address` has `cpus` CPUs."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
            break
        except (ConnectionError, RuntimeError):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    try:
        while ray.cluster_resources().get("CPU", 0) < cpus:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        ray.shutdown()
