"""Fills caches in the preloaded forkserver, so that every forked run finds them filled.

Only caches that are right for every model and dataset: compiled patterns and templates, modules that libraries import
lazily, package versions. Nothing is computed and no thread is started: the model has no weights.
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
    """Run a job's preparation on the bundled base model; without adapters where peft must not be imported."""
    code()
    versions()
    if not (_BASE / "config.json").exists():
        return
    ChatTemplate.of(load_tokenizer({"path": _BASE, "kind": "full"}))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(_BASE, local_files_only=True))
        adapted = with_adapters(model, _HYPERPARAMETERS, _BASE.name) if "peft" in sys.modules else model
    optimizer.make_scheduler(optimizer.make_optimizer(adapted, _HYPERPARAMETERS), _HYPERPARAMETERS, 1)
