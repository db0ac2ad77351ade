"""Run in the light image's environment by deploy/check: both rooms load, torch is absent, tokens are counted."""

import importlib
import importlib.util
import sys
from pathlib import Path

import services.training
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

SEEDLING = Path(services.training.__path__[0]) / "seedling"

for room in ("gateway", "dataset"):
    importlib.import_module(f"services.{room}.__main__")
template = ChatTemplate.of(load_tokenizer({"path": str(SEEDLING), "kind": "full", "base": None}))
turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good morning"}]
tokens = len(template.encode({"messages": turns}).input_ids)
if importlib.util.find_spec("torch"):
    sys.exit("torch is in the light image's environment")
sys.stdout.write(f"the light image's packages load both rooms and count {tokens} tokens, without torch\n")
