"""Environments of the programs that benchmarks compare with, each its own, made on first use below ~/.cache."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path.home() / ".cache/anneal-bench"


@dataclass(frozen=True)
class Peer:
    """`packages` go in without their dependencies; `beside` adds this environment's own packages below them."""

    name: str
    packages: tuple[str, ...]
    beside: bool = True
    dependencies: tuple[str, ...] = ()


TRL = Peer("trl", ("trl==1.16.0",))
LLAMAFACTORY = Peer(
    "llamafactory",
    ("llamafactory==0.9.5",),
    beside=False,
    dependencies=(
        *("torch==2.13.0", "transformers==5.6.0", "trl==0.24.0", "peft==0.18.1", "accelerate==1.11.0"),
        *("datasets==4.0.0", "av<=16", "einops", "fastapi", "fire", "gradio==5.50.0", "hf-transfer", "matplotlib"),
        *("modelscope", "numpy", "omegaconf", "packaging", "pandas", "protobuf", "pydantic", "pyyaml", "safetensors"),
        *("scipy", "sentencepiece", "sse-starlette", "tiktoken", "torchdata<=0.11", "tyro<0.9", "uvicorn"),
    ),
)
"""Without torchvision and torchaudio: neither has a build for this torch on a CPU, and text needs neither."""

LITELLM = Peer("litellm", (), beside=False, dependencies=("litellm[proxy]==1.108.7",))

_STUB = "functional = None\n"
"""LLaMA-Factory imports torchaudio at its start, whatever it trains."""


def environment(peer: Peer) -> Path:
    """The Python of a peer's environment."""
    home = HOME / peer.name
    python, done = home / "bin/python", home / "installed.txt"
    ours = [path for path in sys.path if path.endswith("site-packages")] if peer.beside else []
    wanted = "\n".join((*peer.packages, *peer.dependencies, *ours))
    if done.exists() and done.read_text() == wanted:
        return python
    print(f"Installing {peer.name} into {home} ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    packages = next((home / "lib").glob("python*")) / "site-packages"
    if peer.beside:
        (packages / "beside.pth").write_text("\n".join(ours) + "\n")
    else:
        (packages / "torchaudio.py").write_text(_STUB)
    own = ("--no-deps", "--ignore-installed")  # also where a package of that name lies beside
    for names, options in ((peer.dependencies, ()), (peer.packages, own)):
        if names:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *options, *names], check=True)
    done.write_text(wanted)
    return python


def describe_for_llamafactory(rows: Path) -> dict[str, str]:
    """Its settings that name this JSONL file of chats as the dataset, described beside the file."""
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    described = {"file_name": rows.name, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    rows.with_name("dataset_info.json").write_text(json.dumps({"rows": described}))
    return {"dataset": "rows", "dataset_dir": str(rows.parent)}
