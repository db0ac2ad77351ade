"""Warms up the forkserver: fills caches that every forked run inherits.

These are valid for any model and dataset: compiled patterns and templates, modules that libraries import lazily,
package versions. The model is on the meta device, so nothing is computed and torch starts no thread, which a fork would
lose.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from services.training.engine.loop.provenance import code, versions
from services.training.engine.model import optimizer
from services.training.engine.model.loading import with_adapters
from services.training.engine.spec import Hyperparameters
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

_BASE = Path(__file__).parents[3] / "seedling"
_HYPERPARAMETERS = Hyperparameters(
    method="lora", max_steps=1, batch_size=1, learning_rate=1.0, micro_batch_tokens=1, threads=1
)


def prewarm() -> None:
    """Prepare a job with the bundled base model; without adapters if peft is not imported already."""
    code()
    versions()
    if not (_BASE / "config.json").exists():
        return
    ChatTemplate.of(load_tokenizer({"path": _BASE, "kind": "full"}))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(_BASE, local_files_only=True))
        adapted = with_adapters(model, _HYPERPARAMETERS, _BASE.name) if "peft" in sys.modules else model
    optimizer.make_scheduler(optimizer.make_optimizer(adapted, _HYPERPARAMETERS), _HYPERPARAMETERS, 1)
