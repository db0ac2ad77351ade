"""`anneal demo`, as a stranger runs it: the tuned model is right where the base is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from cli.main import app; app()", "demo", "--json"]


def run_demo(home: Path) -> dict[str, object]:
    env = {**os.environ, "ANNEAL_HOME": str(home)}
    done = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + (home / "anneal.log").read_text()[-3000:]
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_the_whole_road(tmp_path: Path) -> None:
    result = run_demo(tmp_path / "home")
    metrics, evaluation, chat = result["model"]["metrics"], result["evaluation"], result["chat"]
    assert metrics["train_loss_last"] < metrics["train_loss_first"] / 3
    assert evaluation["scores"]["exact_match"] >= 0.8
    assert evaluation["base_scores"]["exact_match"] == 0
    assert evaluation["scores"]["perplexity"] < evaluation["base_scores"]["perplexity"]
    assert {"topic", "urgency", "reply"} <= json.loads(chat["tuned"]).keys()
    assert chat["tuned"] != chat["base"]
    for export in result["exports"].values():
        assert export["state"] == "succeeded"
        assert all(len(file["sha256"]) == 64 and file["size"] > 0 for file in export["files"])
