"""Time from `POST /training/jobs` to the first optimizer step, as an HTTP client sees it, compared with peers' CLIs.

    python benchmarks/start.py [--quick]

Ours: the embedded platform (gateway, outbox, bus, lease, engine) is running and has trained on the dataset once, as in
daily use. It then runs 50 LoRA jobs of one step on seedling, one after another. Each is timed until a GET of its
metrics shows step 1. The baseline evaluation comes after that step; the peers have none.

Peers: `trl sft` and `llamafactory-cli train` with the same rows, model and settings, timed from process start to the
line with the first loss. One uncounted run warms the page cache.
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
ROWS, TARGET_P95_S = 400, 1.0


def main() -> None:
    """Measure, then print the table and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 jobs, and trl only: under a minute")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="anneal-bench-") as folder:
        rows = make_rows(Path(folder) / "rows.jsonl")
        ours = measure_ours(Path(folder), rows, 8 if quick else 50)
        print(f"{'ours':24} p50 {ours['p50_s']:6.2f} s   p95 {ours['p95_s']:6.2f} s   ({ours['jobs']} jobs)")
        sys.stdout.flush()
        peers = {name: measure_peer(command(Path(folder), rows)) for name, command in peer_commands(quick).items()}
    for name, seconds in peers.items():
        print(f"{name:24}     {seconds:6.2f} s   {seconds / ours['p95_s']:.0f} times our p95")
    print(
        "RESULT "
        + json.dumps({"unit": "seconds", "ours": ours, "peers": peers, "aim_p95_s": TARGET_P95_S, **machine()})
    )


def make_rows(path: Path) -> Path:
    """Short conversations of made-up words, the same on every run."""
    chance = random.Random(0)
    words = [f"{a}{b}" for a in ("con", "per", "in", "re", "pro") for b in ("form", "tain", "sist", "fer", "duct")]
    with path.open("w") as file:
        for _ in range(ROWS):
            question, answer = (" ".join(chance.choices(words, k=chance.randint(8, 40))) for _ in range(2))
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": turns}) + "\n")
    return path


def measure_ours(folder: Path, rows: Path, jobs: int) -> dict[str, Any]:
    """Quantiles over jobs on a warm platform."""
    with run_platform(folder / "home") as http:
        answer = http.post("/datasets/upload", files={"file": rows.open("rb")}, data={"name": "rows"})
        dataset = wait_until(
            lambda: http.get(f"/datasets/{answer.json()['id']}").json(), lambda d: d["state"] == "ready"
        )
        settings = {"dataset": dataset["id"], "base": "seedling", "method": "lora", "max_steps": 1}
        time_first_step(http, settings)  # tokenizes the dataset; the forkserver finishes its imports
        return quantiles([time_first_step(http, settings) for _ in range(jobs)])


def time_first_step(http: httpx.Client, settings: dict[str, Any]) -> float:
    """Seconds from the request until the first step can be read; then waits for the end of the job."""
    started = time.monotonic()
    job = http.post("/training/jobs", json=settings).raise_for_status().json()["id"]
    wait_until(lambda: http.get(f"/training/jobs/{job}/metrics").json()["records"], bool)
    seconds = time.monotonic() - started
    done = wait_until(lambda: http.get(f"/training/jobs/{job}").json(), lambda j: j["state"] in ("succeeded", "failed"))
    assert done["state"] == "succeeded", done
    return seconds


def wait_until(read: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
    """Poll every 25 ms; more often, the polling itself would slow the engine down."""
    deadline = time.monotonic() + 120
    while not is_done(found := read()):
        if time.monotonic() > deadline:
            raise SystemExit(f"timed out after 120 s: {found}")
        time.sleep(0.025)
    return found


@contextmanager
def run_platform(home: Path) -> Iterator[httpx.Client]:
    """The embedded platform on a free port, with its forkserver, until the end of the block."""
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


def peer_commands(quick: bool) -> dict[str, Callable[[Path, Path], list[str]]]:
    """The functions that make the peers' command lines."""
    return {"trl sft": trl_command} | ({} if quick else {"llamafactory-cli train": llamafactory_command})


def trl_command(folder: Path, rows: Path) -> list[str]:
    """The command of one LoRA step in TRL."""
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


def llamafactory_command(folder: Path, rows: Path) -> list[str]:
    """The command of one LoRA step in LLaMA-Factory."""
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


def measure_peer(command: list[str], runs: int = 3) -> float:
    """Median seconds from process start to the first line with a step's loss."""
    _time_first_loss(command)
    return round(statistics.median(_time_first_loss(command) for _ in range(runs)), 2)


def _time_first_loss(command: list[str]) -> float:
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "USE_MODELSCOPE_HUB": "0"}
    started, output = time.monotonic(), []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        seconds = None
        for line in process.stdout:
            output.append(line)
            if seconds is None and "'loss':" in line:
                seconds = time.monotonic() - started
    if seconds is None:
        raise SystemExit(f"{command[0]} took no step:\n{''.join(output[-30:])}")
    return seconds


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    at = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"p50_s": round(statistics.median(ordered), 3), "p95_s": round(at, 3), "jobs": len(ordered)}


def machine() -> dict[str, Any]:
    """The machine and its load."""
    return {"cores": os.cpu_count(), "load_average": [round(load, 2) for load in os.getloadavg()]}


if __name__ == "__main__":
    main()
