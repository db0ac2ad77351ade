"""Models and candidates of serving.py: engines behind the inference service's Engine protocol, and plain `generate`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, ContinuousBatchingConfig, GenerationConfig

from services.inference.fallback_engine import create_engine
from services.inference.protocol import Engine, GenerationRequest, ModelSpec, SamplingParams, TextDelta
from shared.engine.text.template import ChatTemplate
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SEEDLING = ROOT / "services/training/seedling"
ROWS = ROOT / "services/dataset/samples/triage.jsonl"
REQUESTS = 16
ADAPTERS = 8
RANK = 16
GREEDY = SamplingParams(temperature=0, top_p=1, top_k=0, repetition_penalty=1, seed=None)


@dataclass(frozen=True)
class Setup:
    """Engines by name, and the models to request from them: a base model and adapters of it."""

    engines: dict[str, Engine]
    base: ModelSpec
    adapters: list[ModelSpec]


@asynccontextmanager
async def open_engines(folder: Path, path: Path, vllm: str = "", adapters: int = ADAPTERS) -> AsyncIterator[Setup]:
    """Engines over the base model at `path` and new adapters of it; `vllm` is the command of its server, or empty."""
    base = _spec("base", {"path": str(path), "kind": "full", "base": None})
    made = [_spec(path.name, _adapter(base, path)) for path in make_adapters(path, folder, adapters)]
    async with open_resources(Settings(home=folder / "home")) as resources:
        engines: dict[str, Engine] = {"transformers": create_engine(resources, "", 1)}
        if vllm:
            engines["vLLM"] = create_engine(resources, vllm, 1)
        try:
            yield Setup(engines, base, made)
        finally:
            for engine in reversed(engines.values()):
                await engine.close()


def make_seedling(folder: Path, source: Path = SEEDLING) -> Path:
    """A copy of seedling, or of another model."""
    shutil.copytree(source, folder)
    return _remove_stop_tokens(folder)


def make_wide(folder: Path) -> Path:
    """Two layers as wide as those of a model of a billion parameters, random weights, seedling's tokenizer."""
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(SEEDLING)
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 2048, 5632, 2
    config.num_attention_heads, config.num_key_value_heads, config.head_dim = 32, 8, 64
    config.layer_types = None
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(SEEDLING).save_pretrained(folder)
    return _remove_stop_tokens(folder)


def _remove_stop_tokens(folder: Path) -> Path:
    """Zero the embeddings of the stop tokens, so that every answer runs to its limit in every engine."""
    weights, tokenizer = load_file(folder / "model.safetensors"), AutoTokenizer.from_pretrained(folder)
    weights["model.embed_tokens.weight"][ChatTemplate.of(tokenizer).stop_ids] = 0
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def make_adapters(base: Path, folder: Path, count: int) -> list[Path]:
    """Make rank-16 adapters on all linear layers; their updates are too small to change a token, so work is equal."""
    paths = [folder / f"adapter{number}" for number in range(count)]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear")
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), config)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=1e-7)
        model.save_pretrained(path)
        AutoTokenizer.from_pretrained(base).save_pretrained(path)
    return paths


def _adapter(base: ModelSpec, path: Path) -> dict[str, Any]:
    return {"path": str(path), "kind": "adapter", "base": base.ref}


def _spec(name: str, ref: dict[str, Any]) -> ModelSpec:
    hash = ChatTemplate.of(AutoTokenizer.from_pretrained(ref["path"])).hash
    return ModelSpec(name, f"anneal://{name}", ref, hash, parameters_in((ref["base"] or ref)["path"]))


def parameters_in(folder: str | Path) -> int:
    """Parameters in a folder's weight files."""
    return sum(tensor.numel() for file in Path(folder).glob("*.safetensors") for tensor in load_file(file).values())


def prompts() -> list[str]:
    """The first user messages of the sample dataset."""
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()[:REQUESTS]]
    return [next(message["content"] for message in row["messages"] if message["role"] == "user") for row in rows]


@dataclass(frozen=True)
class Measurement:
    """The answers of one run of a candidate, and their time."""

    seconds: float
    tokens: int
    texts: list[str]

    @property
    def rate(self) -> float:
        """Tokens per second."""
        return self.tokens / self.seconds


async def generate_concurrently(engine: Engine, models: Sequence[ModelSpec], limit: int) -> Measurement:
    """Send one prompt to each of the models at once; answers are `limit` tokens long."""
    requests = [
        GenerationRequest("default", model, GREEDY, prompts=[prompt], max_tokens=limit)
        for model, prompt in zip(models, prompts()[: len(models)], strict=True)
    ]
    started = time.perf_counter()
    answers = await asyncio.gather(*(_answer(engine, generation) for generation in requests))
    seconds = time.perf_counter() - started
    return Measurement(seconds, sum(tokens for _, tokens in answers), [text for text, _ in answers])


async def _answer(engine: Engine, generation: GenerationRequest) -> tuple[str, int]:
    text, tokens = "", 0
    async with aclosing(engine.generate(generation)) as messages:  # type: ignore[type-var]
        async for message in messages:
            if isinstance(message, TextDelta):
                text, tokens = text + message.text, tokens + message.tokens
    return text, tokens


class PlainTransformers:
    """transformers without our engine, in this process."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(path)
        self._model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self._model.generation_config.eos_token_id = ChatTemplate.of(self._tokenizer).stop_ids

    def generate_sequentially(self, limit: int) -> Measurement:
        """Answer the prompts with `generate`, one after another."""
        started = time.perf_counter()
        answers = [self._generate(prompt, limit) for prompt in prompts()]
        seconds = time.perf_counter() - started
        texts = [self._tokenizer.decode(ids, skip_special_tokens=True) for ids in answers]
        return Measurement(seconds, sum(map(len, answers)), texts)

    def generate_batch_padded(self, count: int, limit: int) -> Measurement:
        """Answer the first prompts with one `generate`, left-padded."""
        self._tokenizer.pad_token = self._tokenizer.pad_token or self._tokenizer.eos_token
        started = time.perf_counter()
        inputs = self._tokenizer(prompts()[:count], return_tensors="pt", padding=True, padding_side="left")
        with torch.inference_mode():
            output = self._model.generate(**inputs, max_new_tokens=limit, min_new_tokens=limit, do_sample=False)
        seconds, answers = time.perf_counter() - started, output[:, inputs.input_ids.shape[1] :]
        return Measurement(seconds, answers.numel(), self._tokenizer.batch_decode(answers, skip_special_tokens=True))

    def generate_continuous(self, limit: int) -> Measurement:
        """Answer all prompts with transformers' continuous batching; the smallest cache is fastest on a CPU."""
        started = time.perf_counter()
        settings = GenerationConfig(max_new_tokens=limit, do_sample=False, eos_token_id=-1)
        cache = ContinuousBatchingConfig(num_blocks=2 * REQUESTS, max_batch_tokens=16 * REQUESTS)
        prompt_ids = [self._tokenizer(prompt).input_ids for prompt in prompts()]
        outputs = self._model.generate_batch(prompt_ids, settings, cache)
        seconds = time.perf_counter() - started
        answers = {tuple(output.prompt_ids): output.generated_tokens for output in outputs.values()}
        texts = [self._tokenizer.decode(answers[tuple(ids)], skip_special_tokens=True) for ids in prompt_ids]
        return Measurement(seconds, sum(map(len, answers.values())), texts)

    def _generate(self, prompt: str, limit: int) -> Any:
        inputs = self._tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            output = self._model.generate(**inputs, max_new_tokens=limit, do_sample=False)
        return output[0, inputs.input_ids.shape[1] :]


def vllm_command() -> str:
    """The command of vLLM's server: from the environment, else in `.venv-vllm` if that exists, else empty."""
    python = ROOT / ".venv-vllm/bin/python"
    command = f"{python} -m vllm.entrypoints.openai.api_server --dtype float32 --enforce-eager --max-num-seqs 16"
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return os.environ.get("ANNEAL_VLLM_COMMAND") or (
        f"{command} --gpu-memory-utilization 0.2" if python.exists() else ""
    )
