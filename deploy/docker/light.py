"""Check of the light image (run by deploy/check): both services load and count tokens without torch."""

import importlib
import importlib.util
import sys
from pathlib import Path

import services.training
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

SEEDLING = Path(services.training.__path__[0]) / "seedling"

for service in ("gateway", "dataset"):
    importlib.import_module(f"services.{service}.__main__")
template = ChatTemplate.of(load_tokenizer({"path": str(SEEDLING), "kind": "full", "base": None}))
turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good morning"}]
tokens = len(template.encode({"messages": turns}).input_ids)
if importlib.util.find_spec("torch"):
    sys.exit("torch is installed in the light image")
sys.stdout.write(f"the packages of the light image load both services and count {tokens} tokens, without torch\n")
