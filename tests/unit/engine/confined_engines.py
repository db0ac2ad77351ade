"""Engines that exceed their limits, as an attacker's model or dataset might make them."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from shared.engine.process.protocol import Commands, Reporter


def allocate(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Allocate without end."""
    blocks = []
    while True:
        blocks.append(bytearray(16 << 20))


def spin(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Compute without end."""
    while True:
        pass


def write(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Write a file without end."""
    with Path("huge").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


def connect(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Connect to a server of the machine, on its loopback address."""
    try:
        socket.create_connection(("127.0.0.1", spec["port"]), timeout=30).close()
    except OSError as error:
        return {"reached": False, "errno": error.errno}
    return {"reached": True}


def listen(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Send itself a text over its own loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sender = threading.Thread(target=lambda: socket.create_connection(("127.0.0.1", port)).sendall(b"hello"))
        sender.start()
        connection, _ = server.accept()
        sender.join()
        return {"heard": connection.recv(5).decode()}


def status(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the kernel's view of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    limits = {
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0],
    }
    return {"status": dict(line.split(":\t", 1) for line in lines if ":\t" in line), "limits": limits}


def run(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Run a program and report its effective capabilities."""
    output = subprocess.run(spec["command"], capture_output=True, text=True, check=True).stdout
    return {"caps": [line.split()[1] for line in output.splitlines() if line.startswith("CapEff")]}


def kill(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Try to end another process."""
    try:
        os.kill(spec["pid"], signal.SIGTERM)
    except OSError as error:
        return {"errno": error.errno}
    return {"errno": 0}


def open_files(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Try to read from files, or to write; reports the error numbers."""
    errors = []
    for path in spec["paths"]:
        try:
            with open(path, "wb" if spec.get("write") else "rb") as file:
                os.write(file.fileno(), b"x") if spec.get("write") else os.read(file.fileno(), 1)
            errors.append(0)
        except OSError as error:
            errors.append(error.errno)
    return {"errors": errors}
