"""From `POST /training/jobs` to the first optimizer step, as an HTTP client sees it, beside the peers' command lines.

    python benchmarks/start.py [--quick]

Ours: the whole embedded platform (gateway, outbox, bus, claim, engine) is up and has trained on the dataset once, as it
has in daily use; then 50 LoRA jobs of one step on seedling, one after the other, each timed until a GET of its metrics
shows step 1. The untrained model is measured right behind that step, and not at all by the peers. Peers: `trl sft`
and `llamafactory-cli train` on the same rows, model and settings, each process timed from its start to the line that
tells its first loss; a first, uncounted run warms the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from peers import LLAMAFACTORY, TRL, describe_for_llamafactory, environment

ROOT = Path(__file__).resolve().parent.parent
SEEDLING = ROOT / "services/training/seedling"
READY = "Anneal is ready at "
ROWS, AIM = 400, 1.0


def main() -> None:
    """Measure, print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 jobs, and trl alone: under a minute")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        rows = make_rows(Path(folder) / "rows.jsonl")
        ours = measure_ours(Path(folder), rows, 8 if quick else 50)
        print(f"{'ours':24} p50 {ours['p50_s']:6.2f} s   p95 {ours['p95_s']:6.2f} s   ({ours['jobs']} jobs)")
        sys.stdout.flush()
        peers = {name: cold(command(Path(folder), rows)) for name, command in contestants(quick).items()}
    for name, seconds in peers.items():
        print(f"{name:24}     {seconds:6.2f} s   {seconds / ours['p95_s']:.0f}x ours at p95")
    print("RESULT " + json.dumps({"unit": "seconds", "ours": ours, "peers": peers, "aim_p95_s": AIM, **machine()}))


def make_rows(path: Path) -> Path:
    """Short conversations of made-up words, the same at every run."""
    chance = random.Random(0)
    words = [f"{a}{b}" for a in ("con", "per", "in", "re", "pro") for b in ("form", "tain", "sist", "fer", "duct")]
    with path.open("w") as file:
        for _ in range(ROWS):
            question, answer = (" ".join(chance.choices(words, k=chance.randint(8, 40))) for _ in range(2))
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": turns}) + "\n")
    return path


def measure_ours(folder: Path, rows: Path, jobs: int) -> dict[str, Any]:
    """Quantiles over warm jobs."""
    with platform(folder / "home") as http:
        answer = http.post("/datasets/upload", files={"file": rows.open("rb")}, data={"name": "rows"})
        dataset = until(lambda: http.get(f"/datasets/{answer.json()['id']}").json(), lambda d: d["state"] == "ready")
        settings = {"dataset": dataset["id"], "base": "seedling", "method": "lora", "max_steps": 1}
        first_step(http, settings)  # tokenizes; the warm parent finishes its imports
        return quantiles([first_step(http, settings) for _ in range(jobs)])


def first_step(http: httpx.Client, settings: dict[str, Any]) -> float:
    """Seconds from the request to the moment when its first step can be read; waits for the end of the job."""
    began = time.monotonic()
    job = http.post("/training/jobs", json=settings).raise_for_status().json()["id"]
    until(lambda: http.get(f"/training/jobs/{job}/metrics").json()["records"], bool)
    seconds = time.monotonic() - began
    done = until(lambda: http.get(f"/training/jobs/{job}").json(), lambda j: j["state"] in ("succeeded", "failed"))
    assert done["state"] == "succeeded", done
    return seconds


def until(look: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """Ask every 25 ms: oftener, the questions themselves would cost the engine its time."""
    deadline = time.monotonic() + 120
    while not right(found := look()):
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing happened: {found}")
        time.sleep(0.025)
    return found


@contextmanager
def platform(home: Path) -> Iterator[httpx.Client]:
    """The embedded platform on a free port, with its warm parent, until the end of the block."""
    command = [sys.executable, "-m", "deploy.embedded", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "ANNEAL_HOME": str(home)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = next(line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY))
        key = (home / "api-key").read_text().strip()
        try:
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
                yield http
        finally:
            process.terminate()


def contestants(quick: bool) -> dict[str, Callable[[Path, Path], list[str]]]:
    """The peers and how their command lines are made."""
    return {"trl sft": trl} if quick else {"trl sft": trl, "llamafactory-cli train": llamafactory}


def trl(folder: Path, rows: Path) -> list[str]:
    """One LoRA step by TRL's own command."""
    settings = {
        "model_name_or_path": str(SEEDLING),
        "dataset_name": str(rows.parent / "trl"),
        "output_dir": str(folder / "trl-out"),
        "max_steps": 1,
        "per_device_train_batch_size": 8,
        "logging_steps": 1,
        "logging_first_step": True,
        "use_peft": True,
        "lora_r": 16,
        "lora_alpha": 32,
        "use_cpu": True,
        "bf16": False,
        "dtype": "float32",
        "max_length": 512,
        "report_to": "none",
        "save_strategy": "no",
        "gradient_checkpointing": False,
    }
    (folder / "trl").mkdir(exist_ok=True)
    shutil.copy(rows, folder / "trl/train.jsonl")
    (folder / "trl.yaml").write_text(json.dumps(settings))
    return [str(environment(TRL).parent / "trl"), "sft", "--config", str(folder / "trl.yaml")]


def llamafactory(folder: Path, rows: Path) -> list[str]:
    """One LoRA step by LLaMA-Factory's own command."""
    settings = {
        **describe_for_llamafactory(rows),
        "model_name_or_path": str(SEEDLING),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 16,
        "lora_alpha": 32,
        "lora_target": "all",
        "template": "chatml",
        "cutoff_len": 512,
        "output_dir": str(folder / "lf-out"),
        "max_steps": 1,
        "per_device_train_batch_size": 8,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "fp16": False,
        "overwrite_output_dir": True,
    }
    (folder / "lf.yaml").write_text(json.dumps(settings))
    return [str(environment(LLAMAFACTORY).parent / "llamafactory-cli"), "train", str(folder / "lf.yaml")]


def cold(command: list[str], runs: int = 3) -> float:
    """The median of seconds from a process's start to its first line about a step's loss."""
    _cold(command)
    return round(statistics.median(_cold(command) for _ in range(runs)), 2)


def _cold(command: list[str]) -> float:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "USE_MODELSCOPE_HUB": "0"}
    began, said = time.monotonic(), []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        seconds = None
        for line in process.stdout:
            said.append(line)
            if seconds is None and "'loss':" in line:
                seconds = time.monotonic() - began
    if seconds is None:
        raise SystemExit(f"{command[0]} took no step:\n{''.join(said[-30:])}")
    return seconds


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    at = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"p50_s": round(statistics.median(ordered), 3), "p95_s": round(at, 3), "jobs": len(ordered)}


def machine() -> dict[str, Any]:
    """What this ran on."""
    return {"cores": os.cpu_count(), "load_average": [round(load, 2) for load in os.getloadavg()]}


if __name__ == "__main__":
    main()
