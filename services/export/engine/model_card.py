"""The model card (README.md) of an export: facts, usage, training, scores, verification."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TORCH = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".", dtype="auto")
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": "Hello!"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
answer = model.generate(**prompt, max_new_tokens=200)
print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True))
```
"""

ADAPTER = """\
```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

tokenizer = AutoTokenizer.from_pretrained(".")
base = AutoModelForCausalLM.from_pretrained(BASE, dtype="auto")
model = PeftModel.from_pretrained(base, ".")
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": "Hello!"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
)
settings = GenerationConfig.from_pretrained(".")  # stops at the trained ends of a turn
answer = model.generate(**prompt, generation_config=settings, max_new_tokens=200)
print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True))
```
"""

ONNX = """\
`model.onnx` (weights in `model.onnx.data`) takes `input_ids`, `attention_mask` over past and new tokens, `position_ids`
and `past_key_values.<layer>.<key|value>`; it returns `logits` and `present.<layer>.<key|value>` for the next step.
Batch size and lengths are dynamic. Pad batches on the left.

```python
import numpy as np
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
session = onnxruntime.InferenceSession("model.onnx")
cache = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in session.get_inputs() if "past" in i.name}
text = tokenizer.apply_chat_template(
    [{"role": "user", "content": "Hello!"}], add_generation_prompt=True, tokenize=False
)
ids, answer, stops = tokenizer(text, add_special_tokens=False)["input_ids"], [], set(STOP_IDS)
new, past = ids, 0
while len(answer) < 100:
    feed = {
        "input_ids": np.array([new]),
        "attention_mask": np.ones((1, past + len(new)), np.int64),
        "position_ids": np.arange(past, past + len(new))[None],
    }
    logits, *present = session.run(None, feed | cache)
    cache, past = dict(zip(cache, present)), past + len(new)
    new = [int(logits[0, -1].argmax())]
    if new[0] in stops:
        break
    answer += new
print(tokenizer.decode(answer, skip_special_tokens=True))
```
"""


@dataclass(frozen=True)
class BaseReference:
    """The name of a base model, and its commit if it is `on_hub` (Hugging Face)."""

    name: str
    revision: str | None = None
    on_hub: bool = False


GGUF = """\
```sh
llama-server --jinja -m model.gguf
ollama create my-model -f Modelfile && ollama run my-model "Hello!"
```
"""

GGUF_ADAPTER = """\
`adapter.gguf` goes over a GGUF file of the base model, which a full export of it or llama.cpp's converter writes:

```sh
llama-server --jinja -m base.gguf --lora adapter.gguf
ollama create my-model -f Modelfile && ollama run my-model "Hello!"    # with base.gguf beside it
```
"""

USAGE = {"torch": TORCH, "adapter": ADAPTER, "onnx": ONNX, "gguf": GGUF, "gguf_adapter": GGUF_ADAPTER}
LIBRARIES = {"adapter": "peft", "gguf": "llama.cpp", "gguf_adapter": "llama.cpp"}


def model_card(
    manifest: Mapping[str, Any],
    form: str,
    check: Mapping[str, Any],
    stop_ids: list[int],
    base_model: Mapping[str, Any] | None = None,
) -> str:
    """Render the README.md of an export in the format `form`; `base_model` is the base's manifest and fingerprint."""
    base = base_of(manifest, base_model or {})
    usage = USAGE[form].replace("BASE", _base_to_load(base, base_model or {})).replace("STOP_IDS", str(stop_ids))
    return (
        f"---\nlibrary_name: {LIBRARIES.get(form, 'transformers')}\nbase_model: {json.dumps(base.name)}\n"
        f"tags: [anneal, {form}]\n---\n\n# {manifest['name']}\n\n{_facts(manifest, base)}\n"
        f"## Use\n\n{usage}\n## Training\n\n{_table(_hyperparameters(manifest))}\n"
        f"## Scores\n\n{_table(manifest.get('metrics') or {})}\n"
        f"## Check\n\nThe exported files were compared with the tuned model:\n\n{_table(check)}"
    )


def base_of(manifest: Mapping[str, Any], base: Mapping[str, Any]) -> BaseReference:
    """How others find the base model of a model, from the manifests of both: by its hub id, or else by its name."""
    provenance = base.get("provenance") or {}
    if provenance.get("source") == "hub" and provenance.get("origin"):
        return BaseReference(provenance["origin"], provenance.get("revision"), on_hub=True)
    return BaseReference(manifest.get("base_name") or base.get("name") or manifest.get("base") or "none")


def _base_to_load(base: BaseReference, manifest: Mapping[str, Any]) -> str:
    """The arguments that load the base: its hub id and revision, or a folder and how to recognise it."""
    if base.on_hub:
        return json.dumps(base.name) + (f", revision={json.dumps(base.revision)}" if base.revision else "")
    folder = json.dumps(f"a folder with {base.name}")
    facts = {"architecture": manifest.get("architecture"), "fingerprint of its files": manifest.get("fingerprint")}
    known = "".join(f"    # {name}: {value}\n" for name, value in facts.items() if value)
    return f"\n{known}    {folder}" if known else folder


def _facts(manifest: Mapping[str, Any], base: BaseReference) -> str:
    facts = {
        "Base model": base.name if manifest.get("base") else None,
        "Method": manifest.get("method"),
        "Dataset": _dataset(manifest),
        "Architecture": manifest.get("architecture"),
        "Parameters": manifest.get("parameters"),
        "Context": manifest.get("context_length"),
        "Model id": manifest.get("model_id"),
        "Training job": manifest.get("job_id"),
    }
    return _table({name: value for name, value in facts.items() if value})


def _dataset(manifest: Mapping[str, Any]) -> str | None:
    if not manifest.get("dataset_id"):
        return None
    return f"{manifest['dataset_id']}@{manifest.get('dataset_version')}"


def _hyperparameters(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (manifest.get("provenance") or {}).get("hyperparameters") or {}
    return {name: value for name, value in found.items() if value is not None}


def _table(values: Mapping[str, Any]) -> str:
    if not values:
        return "Not recorded.\n"
    lines = [f"| {name} | {_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| | |", "|---|---|", *lines]) + "\n"


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
