"""The child that keeps a vLLM server: its program runs in an environment of its own, and dies with this process.

The spec is {"command", "key"}; the server's own port is picked here. Messages: `ready` {port, context} once it
answers, `loading` {seconds} until then, `log` for what it writes. It fails with `vllm_ended` when the server does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from typing import Any

from shared.engine.process.protocol import Commands, EngineError, Reporter, run_from_shell

LOOK = 0.25
SIGN_INTERVAL = 5.0
PATIENCE = 900.0
"""Seconds that a server may take to start; a large model is read from disk and compiled in that time."""
GRACE = 10.0
"""Seconds for a server that was told to stop; then it is killed with this process's group."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Run the server until told to stop."""
    port = _free_port()
    environment = {"VLLM_API_KEY": spec["key"], "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_NO_USAGE_STATS": "1"}
    server = subprocess.Popen(
        [*spec["command"], "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **spec["env"], **environment},
        stdin=subprocess.DEVNULL,
    )
    started = signed = time.monotonic()
    ready = False
    while server.poll() is None:
        if any(command["op"] == "stop" for command in _waiting(commands)):
            return _stop(server)
        if not ready and (context := _context(port, spec["key"])):
            ready = True
            reporter.emit("ready", port=port, context=context, pid=server.pid)
        if not ready and time.monotonic() - signed >= SIGN_INTERVAL:
            signed = time.monotonic()
            reporter.emit("loading", seconds=round(signed - started))
            if signed - started > PATIENCE:
                server.kill()
        time.sleep(LOOK)
    raise EngineError("vllm_ended", f"vLLM ended with status {server.returncode}")


def _waiting(commands: Commands) -> list[dict[str, Any]]:
    found = []
    while (command := commands.poll()) is not None:
        found.append(command)
    return found


def _context(port: int, key: str) -> int | None:
    """The longest sequence in tokens that the server takes, once it answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
            return int(json.load(answer)["data"][0]["max_model_len"])
    except OSError:
        return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _stop(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    server.terminate()
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        server.kill()
    return {}


if __name__ == "__main__":
    run_from_shell(main)
