"""Virtual environments of the peers that benchmarks compare with, created on first use in ~/.cache/anneal-bench."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path.home() / ".cache/anneal-bench"


@dataclass(frozen=True)
class Peer:
    """A peer's environment; `packages` go in without their dependencies, `inherit` adds our own packages."""

    name: str
    packages: tuple[str, ...]
    inherit: bool = True
    dependencies: tuple[str, ...] = ()


TRL = Peer("trl", ("trl==1.16.0",))
LLAMAFACTORY = Peer(
    "llamafactory",
    ("llamafactory==0.9.5",),
    inherit=False,
    dependencies=(
        *("torch==2.13.0", "transformers==5.6.0", "trl==0.24.0", "peft==0.18.1", "accelerate==1.11.0"),
        *("datasets==4.0.0", "av<=16", "einops", "fastapi", "fire", "gradio==5.50.0", "hf-transfer", "matplotlib"),
        *("modelscope", "numpy", "omegaconf", "packaging", "pandas", "protobuf", "pydantic", "pyyaml", "safetensors"),
        *("scipy", "sentencepiece", "sse-starlette", "tiktoken", "torchdata<=0.11", "tyro<0.9", "uvicorn"),
    ),
)
"""Without torchvision and torchaudio: neither has a CPU build for this torch, and text needs neither."""

LITELLM = Peer("litellm", (), inherit=False, dependencies=("litellm[proxy]==1.108.7",))

_STUB = "functional = None\n"
"""Stands for torchaudio, which LLaMA-Factory always imports."""


def environment(peer: Peer) -> Path:
    """The Python interpreter of a peer's environment, which is created if needed."""
    home = HOME / peer.name
    python, marker = home / "bin/python", home / "installed.txt"
    ours = [path for path in sys.path if path.endswith("site-packages")] if peer.inherit else []
    requirements = "\n".join((*peer.packages, *peer.dependencies, *ours))
    if marker.exists() and marker.read_text() == requirements:
        return python
    print(f"Installing {peer.name} into {home} ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    packages = next((home / "lib").glob("python*")) / "site-packages"
    if peer.inherit:
        (packages / "inherited.pth").write_text("\n".join(ours) + "\n")
    else:
        (packages / "torchaudio.py").write_text(_STUB)
    own = ("--no-deps", "--ignore-installed")  # even if the inherited packages have one of that name
    for names, options in ((peer.dependencies, ()), (peer.packages, own)):
        if names:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *options, *names], check=True)
    marker.write_text(requirements)
    return python


def describe_for_llamafactory(rows: Path) -> dict[str, str]:
    """LLaMA-Factory's settings for a chat JSONL file as dataset; writes its dataset_info.json next to the file."""
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    dataset = {"file_name": rows.name, "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}
    rows.with_name("dataset_info.json").write_text(json.dumps({"rows": dataset}))
    return {"dataset": "rows", "dataset_dir": str(rows.parent)}
