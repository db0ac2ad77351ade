"""What the engines do on a GPU: right numbers, memory, speed. Writes results.json and results.md after every section.

    python benchmarks/gpu.py [--out FOLDER] [--minutes N] [--sections a,b] [--wheels FOLDER] [--device cpu] [--quick]

It needs nothing but this checkout and Python packages: no registry, no hub. Models are built from configurations with
random weights, the tokenizer is seedling's. A section whose packages are missing is skipped, and the results say why;
torch, transformers, peft, accelerate, pyarrow, psutil and pydantic are enough for most. A machine without a network may
bring missing ones as wheels: `make gpu-wheels` here, `--wheels .gpu-wheels` there.

Each section runs in a process of its own with a time limit (gpu_sections.py). A crash is a named failure, and the
others still run. The whole takes at most `--minutes` (10): a section that runs then is stopped, later ones are skipped
with that reason. The exit
status is 1 if a section failed. `--device cpu --quick` runs on seedling what can run without a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ("torch", "transformers", "peft", "accelerate", "pydantic", "pyarrow", "psutil")


MIN_SECONDS = 15
"""Less than this is not enough for any section."""
CPU_SLOWNESS = 4
ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Section:
    """`packages` it imports, its time limit in `seconds`, and why it cannot run on a CPU, if it cannot."""

    packages: tuple[str, ...] = ENGINE
    seconds: int = 60
    gpu_only: str = ""


SECTIONS: dict[str, Section] = {
    "machine": Section(("torch",), 60),
    "attention": Section((*ENGINE[:2], "pydantic"), 60, "variable-length flash attention has no CPU kernel"),
    "precision": Section(seconds=120),
    "resume": Section(seconds=90),
    "decoding": Section(seconds=60),
    "nvml": Section((*ENGINE, "pynvml"), 45, "NVML reads GPUs"),
    "memory": Section(seconds=120, gpu_only="torch.cuda.max_memory_allocated measures GPUs"),
    "qlora": Section((*ENGINE, "bitsandbytes"), 90),
    "liger": Section((*ENGINE, "liger_kernel", "triton"), 90, "Liger's kernels are written for GPUs"),
    "throughput": Section(seconds=150),
    "trainer": Section(seconds=90),
    "trl": Section((*ENGINE, "trl", "datasets"), 90),
    "unsloth": Section((*ENGINE, "unsloth"), 120, "Unsloth needs a GPU"),
    "zoo": Section(seconds=240),
    "vllm": Section(("vllm", "pytest", "fastapi"), 300, "`make test-vllm` runs vLLM on a CPU"),
}


@dataclass
class Outcome:
    """`outcome` is passed, failed or skipped; `figures` are those that the section had by its end."""

    outcome: str
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def main() -> int:
    """Run the sections; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="folder of the results and logs")
    parser.add_argument("--minutes", type=float, default=10, help="of all sections together")
    parser.add_argument("--sections", type=lambda text: text.split(","), default=[*SECTIONS], help=",".join(SECTIONS))
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install into a temporary folder first")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="small models, few families and steps")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - SECTIONS.keys():
        parser.error(f"unknown sections: {', '.join(sorted(unknown))}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    deadline, outcomes = time.monotonic() + arguments.minutes * 60, dict[str, Outcome]()
    with tempfile.TemporaryDirectory(prefix="anneal-gpu-") as packages, tempfile.TemporaryDirectory() as models:
        os.environ["ANNEAL_GPU_MODELS"] = models  # gpu_sections.py
        if arguments.wheels:
            install(arguments.wheels, Path(packages))
        missing_device = why_no_device(arguments.device)
        for name in arguments.sections:
            left = deadline - time.monotonic()
            outcomes[name] = (
                Outcome("skipped", missing_device)
                if missing_device
                else run_section(name, arguments.device, arguments.out, quick=arguments.quick, left=left)
            )
            print(f"{name:12}{outcomes[name].outcome:9}{outcomes[name].reason}", flush=True)
            write_results(arguments.out, outcomes, arguments.device)
    return int(any(each.outcome == "failed" for each in outcomes.values()))


def install(wheels: Path, folder: Path) -> None:
    """Install the wheels into the folder, and let Python find it from here on."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(folder))
    files = map(str, sorted(wheels.glob("*.whl")))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *files], check=True)
    sys.path.append(str(folder))  # behind the machine's own packages
    importlib.invalidate_caches()


def why_no_device(device: str) -> str:
    """Why there is no such device; empty if there is one. A process of its own asks, so that none holds the GPU."""
    if device == "cpu":
        return ""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    code = "import torch; raise SystemExit(not torch.cuda.is_available())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return "no CUDA device is visible" if done.returncode else ""


def run_section(name: str, device: str, out: Path, *, quick: bool, left: float = 1e9) -> Outcome:
    """Run a section in its own process, with its log in `out`, if its packages are there and its limit fits."""
    section = SECTIONS[name]
    if device == "cpu" and section.gpu_only:
        return Outcome("skipped", section.gpu_only)
    if missing := [each for each in section.packages if importlib.util.find_spec(each) is None]:
        return Outcome("skipped", f"not installed: {', '.join(missing)}")
    limit = min(section.seconds * (CPU_SLOWNESS if device == "cpu" else 1), left)
    if limit < MIN_SECONDS:
        return Outcome("skipped", "no time is left (--minutes)")
    result, log, began = out / f"{name}.json", out / f"{name}.log", time.monotonic()
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu_sections", name, device, str(result.resolve())]
    paths = [str(ROOT), *filter(None, sys.path[1:])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, *(["--quick"] if quick else [])],
            cwd=ROOT,
            env={**environment, **(ON_CPU if device == "cpu" else {})},
            stdout=output,
            stderr=output,
            start_new_session=True,  # a section may start processes, which end with it
        )
        try:
            status = child.wait(limit)
            ended = f"the process ended with status {status}; {log.name} has its output"
        except subprocess.TimeoutExpired:
            ended = f"stopped at its limit of {limit:.0f} s"
        finally:
            kill_group(child)
    outcome = Outcome(**json.loads(result.read_text("utf-8"))) if result.exists() else Outcome("failed")
    if outcome.outcome == "running":  # it wrote some figures, but no outcome
        outcome.outcome = "failed"
    outcome.reason = outcome.reason or (ended if outcome.outcome == "failed" else "")
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End a section's process and those that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def write_results(out: Path, outcomes: dict[str, Outcome], device: str) -> None:
    """Write results.json and results.md, complete after every section."""
    machine = outcomes["machine"].figures if "machine" in outcomes else {}
    results = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "python": platform.python_version(),
        "machine": machine,
        "sections": {name: asdict(outcome) for name, outcome in outcomes.items()},
    }
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    lines = [f"# Results on {machine.get('gpu') or device}", "", f"{results['at']}, Python {results['python']}", ""]
    lines += ["| Section | Outcome | Seconds | Reason |", "|---|---|---|---|"]
    lines += [f"| {name} | {each.outcome} | {each.seconds:g} | {each.reason} |" for name, each in outcomes.items()]
    for name, each in outcomes.items():
        if each.figures:
            lines += ["", f"## {name}", "", "| Figure | Value |", "|---|---|"]
            lines += [f"| {key} | {_cell(value)} |" for key, value in each.figures.items()]
    (out / "results.md").write_text("\n".join(lines) + "\n", "utf-8")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
