"""Writes an adapter merged into its base, as full weights with its own tokenizer: for an engine that cannot apply it.

The spec is {"ref", "folder", "parameters"}; `folder` is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell
from shared.engine.text.tokenizer import load_tokenizer

EXACT = 1_000_000_000
"""Parameters up to which the merged weights are float32, so that merging changes nothing."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Merge and save."""
    dtype = "float32" if spec["parameters"] < EXACT else "bfloat16"
    model = load_model(spec["ref"], dtype=dtype, device="cpu")
    generation = model.generation_config
    if any(getattr(generation, name, None) is not None for name in ("temperature", "top_p", "top_k")):
        generation.do_sample = True  # or saving a base's sampling defaults is refused
    model.save_pretrained(Path(spec["folder"]))
    load_tokenizer(spec["ref"]).save_pretrained(spec["folder"])
    return {}


if __name__ == "__main__":
    run_from_shell(main)
