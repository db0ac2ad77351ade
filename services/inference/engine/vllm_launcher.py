"""The child process that runs a vLLM server. The server lives in its own Python environment and dies with this process.

The spec is {"command", "key"}; this process picks the server's port. Messages: `ready` {port, context} once it
responds, `loading` {seconds} until then, `log` with its output. Fails with `vllm_ended` when the server exits.
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

POLL_INTERVAL_S = 0.25
HEARTBEAT_INTERVAL_S = 5.0
START_TIMEOUT_S = 900.0
"""Maximum seconds for the server to start; a large model is read from disk and compiled in that time."""
SHUTDOWN_GRACE_S = 10.0
"""Seconds for the server to stop before it is killed."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Run the server until the command `stop`."""
    port = _free_port()
    environment = {"VLLM_API_KEY": spec["key"], "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_NO_USAGE_STATS": "1"}
    server = subprocess.Popen(  # noqa: S603 - the operator's command
        [*spec["command"], "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **spec["env"], **environment},
        stdin=subprocess.DEVNULL,
    )
    started = last_heartbeat = time.monotonic()
    ready = False
    while server.poll() is None:
        if any(command["op"] == "stop" for command in _pending(commands)):
            return _stop(server)
        if not ready and (context := _max_model_len(port, spec["key"])):
            ready = True
            reporter.emit("ready", port=port, context=context, pid=server.pid)
        if not ready and time.monotonic() - last_heartbeat >= HEARTBEAT_INTERVAL_S:
            last_heartbeat = time.monotonic()
            reporter.emit("loading", seconds=round(last_heartbeat - started))
            if last_heartbeat - started > START_TIMEOUT_S:
                server.kill()
        time.sleep(POLL_INTERVAL_S)
    raise EngineError("vllm_ended", f"vLLM ended with status {server.returncode}")


def _pending(commands: Commands) -> list[dict[str, Any]]:
    pending = []
    while (command := commands.poll()) is not None:
        pending.append(command)
    return pending


def _max_model_len(port: int, key: str) -> int | None:
    """Return the server's maximum sequence length in tokens, or None while it does not respond."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310 - our own child, on loopback
            return int(json.load(response)["data"][0]["max_model_len"])
    except OSError:
        return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _stop(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    server.terminate()
    try:
        server.wait(SHUTDOWN_GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
    return {}


if __name__ == "__main__":
    run_from_shell(main)
