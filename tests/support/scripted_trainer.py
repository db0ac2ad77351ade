"""A training engine without a model: speaks the full engine protocol, for fast tests of the training service.

Its "loss" depends on every previous step, so a resume that loses or repeats a step changes it. The file `control.json`
in the platform's data directory scripts it:

- `{"hold_at": step, "hold_tokens": [1]}` waits at that step for a command, in attempts with these fencing tokens
- `{"fail": {"code", "detail"}}` fails
- `{"deaf": true}` ignores commands while it waits
- `{"memory": tokens}` runs out of memory at step 8 with larger micro-batches (twice that with gradient_checkpointing)
- `{"pace": seconds}` is the duration of each step
- `{"result": {...}}` is merged into the result
- `{"warnings": [{code, detail, ...}]}` are reported at the start of every attempt
"""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

from shared.engine.process.protocol import Commands, EngineError, Reporter


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Train: one metric per step, and a checkpoint every `checkpoint_every` steps."""
    control = _control(spec)
    if "fail" in control:
        raise EngineError(**control["fail"])
    settings = spec["hyperparameters"]
    step, state = _resume(spec, reporter)
    reporter.emit("settled", longest=100, micro_batch_tokens=settings["micro_batch_tokens"])
    reporter.emit("usage", cpu_percent=99.0, memory_mb=7.0)
    reporter.log("info", f"pid {os.getpid()}", rows=len(spec["dataset"]["train"]))
    for warning in control.get("warnings", []):
        reporter.warn(**warning)
    total = settings["max_steps"]
    while step < total:
        command = _next_command(control, commands, spec["token"], step, reporter)
        if command:
            if command == "stop":
                _checkpoint(spec, reporter, step, state)
            return {"stopped": True, "steps": step}
        capacity = control.get("memory", math.inf) * (2 if settings.get("gradient_checkpointing") else 1)
        if step == 7 and settings["micro_batch_tokens"] > capacity:
            raise MemoryError(f"cannot allocate memory for {settings['micro_batch_tokens']} tokens")
        time.sleep(control.get("pace", 0.0))
        step, state = step + 1, next_state(state, step, settings["seed"])
        reporter.metric(step, loss=state / 100, learning_rate=settings["learning_rate"], token=spec["token"])
        reporter.progress(step, total, "steps")
        if step % settings["checkpoint_every"] == 0:
            reporter.emit("evaluation", step=step, loss=state / 100)
            _checkpoint(spec, reporter, step, state)
    output = Path(spec["output"])
    output.mkdir(exist_ok=True)
    (output / "adapter_model.safetensors").write_bytes(bytes([state % 256] * 64))
    (output / "adapter_config.json").write_text(json.dumps({"state": state}))
    return {
        "path": str(output),
        "metrics": {"loss": state / 100},
        "steps": total,
        "best_step": total,
        "template_hash": "small",
        "parameters": 7,
        "trainable_parameters": 7,
        **control.get("result", {}),
    }


def next_state(state: int, step: int, seed: int) -> int:
    """Return the state that follows `state` after `step` steps; the loss is the state divided by 100."""
    return (state * 31 + step + seed) % 997


def expected_losses(steps: int, seed: int) -> dict[int, float]:
    """Return the loss of every step of an undisturbed run."""
    found, state = {}, 1
    for step in range(steps):
        state = next_state(state, step, seed)
        found[step + 1] = state / 100
    return found


def _control(spec: dict[str, Any]) -> dict[str, Any]:
    path = Path(spec["workdir"]).parents[2] / "control.json"
    control: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return control


def _resume(spec: dict[str, Any], reporter: Reporter) -> tuple[int, int]:
    if not spec["resume_from"]:
        return 0, 1
    saved = json.loads((Path(spec["resume_from"]) / "state.json").read_text())
    reporter.emit("resumed", step=saved["step"])
    return saved["step"], saved["state"]


def _next_command(control: dict[str, Any], commands: Commands, token: int, step: int, reporter: Reporter) -> str | None:
    if control.get("hold_at") == step and token in control.get("hold_tokens", [1]):
        reporter.log("info", "holding")
        while control.get("deaf"):
            time.sleep(0.05)
        return str(commands.get()["op"])
    command = commands.poll()
    return str(command["op"]) if command else None


def _checkpoint(spec: dict[str, Any], reporter: Reporter, step: int, state: int) -> None:
    folder = Path(spec["checkpoints"]) / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(json.dumps({"step": step, "state": state}))
    reporter.emit("checkpoint", path=str(folder), step=step, loss=state / 100, best=True)
