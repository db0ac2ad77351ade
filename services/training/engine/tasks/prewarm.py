"""What every run does alike before its first step, done once in the forkserver, so that its forks find it done.

What stays are caches that no model or dataset can make wrong: compiled patterns and templates by their text, modules
that libraries import late, versions. Nothing is computed and no thread is started: the model has no weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from services.training.engine.loop.provenance import code, versions
from services.training.engine.model import optimizer as optimize
from services.training.engine.model.loading import with_adapters
from services.training.engine.spec import Hyperparameters
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

_BASE = Path(__file__).parents[3] / "seedling"
_ASKED = Hyperparameters(method="lora", max_steps=1, batch_size=1, learning_rate=1.0, micro_batch_tokens=1, threads=1)


def prewarm() -> None:
    """Go through it with the bundled base, where there is one; without adapters where peft must not be imported."""
    code()
    versions()
    if not (_BASE / "config.json").exists():
        return
    ChatTemplate.of(load_tokenizer({"path": _BASE, "kind": "full"}))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(_BASE, local_files_only=True))
        adapted = with_adapters(model, _ASKED, _BASE.name) if "peft" in sys.modules else model
    optimize.make_scheduler(optimize.make_optimizer(adapted, _ASKED), _ASKED, 1)
