"""The gateway and the dataset service run without torch and related packages, as in the light image."""

import subprocess
import sys

from tests.unit.deploy.files import ROOT

WITHOUT_TORCH = """
import sys
for absent in ("torch", "peft", "accelerate", "bitsandbytes", "datasets", "evaluate", "onnx", "onnxruntime"):
    sys.modules[absent] = None
"""
IMPORT_SERVICES = "import services.gateway.__main__, services.dataset.__main__"
IMPORT_ENGINES = """
import importlib, pkgutil
import services.dataset.engine as engine
for module in pkgutil.iter_modules(engine.__path__):
    importlib.import_module(f"{engine.__name__}.{module.name}")
"""
COUNT_TOKENS = """
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
template = ChatTemplate.of(load_tokenizer({"path": "services/training/seedling", "kind": "full", "base": None}))
print(len(template.encode({"text": "Good morning"}).input_ids))
"""


def run(code: str) -> str:
    """Run code in a process without torch and return what it prints."""
    command = [sys.executable, "-c", WITHOUT_TORCH + code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_light_services_start_without_transformers() -> None:
    run("sys.modules['transformers'] = None\n" + IMPORT_SERVICES)


def test_dataset_engines_count_tokens_without_torch() -> None:
    assert int(run(IMPORT_ENGINES + COUNT_TOKENS)) > 2
