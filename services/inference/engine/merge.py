"""Merges an adapter into its base model and saves full weights with the adapter's tokenizer, for an engine that cannot
apply the adapter.

The spec is {"ref", "folder", "parameters"}; `folder` is created.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.engine.loading.load import load_model
from shared.engine.process.protocol import Commands, Reporter, run_from_shell
from shared.engine.text.tokenizer import load_tokenizer

MAX_FLOAT32_PARAMETERS = 1_000_000_000
"""Below this size the merged weights are float32, so that merging loses no precision."""


def main(spec: dict[str, Any], reporter: Reporter, commands: Commands) -> dict[str, Any]:
    """Merge and save the model."""
    dtype = "float32" if spec["parameters"] < MAX_FLOAT32_PARAMETERS else "bfloat16"
    model = load_model(spec["ref"], dtype=dtype, device="cpu")
    generation = model.generation_config
    if any(getattr(generation, name, None) is not None for name in ("temperature", "top_p", "top_k")):
        generation.do_sample = True  # transformers refuses to save sampling defaults without it
    model.save_pretrained(Path(spec["folder"]))
    load_tokenizer(spec["ref"]).save_pretrained(spec["folder"])
    return {}


if __name__ == "__main__":
    run_from_shell(main)
