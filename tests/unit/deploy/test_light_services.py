"""The gateway and the dataset room run where torch and its family are not installed, as in the light image."""

import subprocess
import sys

from tests.unit.deploy.files import ROOT

WITHOUT_TORCH = """
import sys
for absent in ("torch", "peft", "accelerate", "bitsandbytes", "datasets", "evaluate", "onnx", "onnxruntime"):
    sys.modules[absent] = None
"""
ROOMS = "import services.gateway.__main__, services.dataset.__main__"
ENGINES = """
import importlib, pkgutil
import services.dataset.engine as engine
for module in pkgutil.iter_modules(engine.__path__):
    importlib.import_module(f"{engine.__name__}.{module.name}")
"""
TOKENS = """
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
template = ChatTemplate.of(load_tokenizer({"path": "services/training/seedling", "kind": "full", "base": None}))
print(len(template.encode({"text": "Good morning"}).input_ids))
"""


def run(code: str) -> str:
    """What the code prints in a process that finds no torch."""
    command = [sys.executable, "-c", WITHOUT_TORCH + code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_rooms_start_without_even_transformers() -> None:
    run("sys.modules['transformers'] = None\n" + ROOMS)


def test_the_dataset_engines_load_and_count_tokens() -> None:
    assert int(run(ENGINES + TOKENS)) > 2
