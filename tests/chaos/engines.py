"""Fake engines for every service: they speak the full engine protocol within milliseconds and do not import torch."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.engine.process.protocol import Commands, Reporter
from shared.runtime.processes.children import Child, Engines
from shared.runtime.processes.limits import Limits

FAKES = {
    "services.training.engine.train:main": "tests.support.scripted_trainer:main",
    "services.training.engine.tasks.inspect_model:main": "tests.chaos.engines:inspect",
    "services.evaluation.engine.evaluate:main": "tests.chaos.engines:evaluate",
    "services.export.engine.torch_export:main": "tests.chaos.engines:export",
    "services.inference.engine.chat:main": "tests.chaos.engines:chat",
}


class FakeEngines(Engines):
    """Launches the fake engine in place of an engine that needs torch."""

    async def launch(
        self,
        target: str,
        spec: Mapping[str, Any],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        requires: Sequence[str] = (),
        limits: Limits = Limits(),
        short_for: str | None = None,
    ) -> Child:
        """Launch as `Engines.launch` does."""
        fake = FAKES.get(target, target)
        return await super().launch(fake, spec, cwd=cwd, env=env, requires=(), limits=limits, short_for=short_for)


def inspect(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report the facts of a model folder."""
    config = json.loads((Path(spec["path"]) / "config.json").read_text())
    return {
        "architecture": config["architectures"][0],
        "parameters": 7,
        "context_length": config["max_position_embeddings"],
        "template_hash": "small",
        "has_template": True,
        "template_features": [],
        "ends": True,
        "shape": None,
        "warnings": [],
    }


def evaluate(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Write an evaluation report with one row."""
    reporter.emit("progress", phase="tuned: answers", done=1, total=1, unit="rows")
    row = {"row": 0, "prompt": [], "reference": "", "scores": {}, "base_scores": {}}
    (Path(spec["out"]) / "predictions.jsonl").write_text(json.dumps(row) + "\n")
    return {"evaluated": 1, "scores": {"perplexity": 2.0}, "base_scores": {"perplexity": 3.0}, "seconds": 0.0}


def export(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Write an archive of the adapter files."""
    archive = Path(spec["out"]) / "export.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(Path(spec["model"]["path"]).glob("adapter*")):
            opened.write(path, f"{spec['top']}/{path.name}")
    return {"archive": str(archive), "members": [], "check": {"passed": True}, "template_hash": "small"}


def chat(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Report every load command as done immediately."""
    while (command := commands.get())["op"] != "stop":
        if command["op"] == "load":
            reporter.emit("loaded", request_id=command["request_id"], seconds=0.0)
    return {}
