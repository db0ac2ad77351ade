"""LRU cache of loaded models: each base model once, with its adapters beside it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from services.inference.engine.adapters import load_plain_lora, size_in_bytes
from services.inference.engine.device_memory import free_memory
from services.inference.engine.multi_lora import MultiLora
from shared.engine.loading.load import attach_adapter, load_model
from shared.engine.process.malloc import release_freed_memory
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

MAX_BASES = 4
MAX_ADAPTERS = 32
MAX_TOKENIZERS = 64
BYTES_PER_PARAMETER = {"float32": 4, "bfloat16": 2}
MEMORY_HEADROOM = 1.2
"""Required free memory as a multiple of the weights: the KV cache and kernels need memory too."""
BFLOAT16_MIN_PARAMETERS = 1_000_000_000
"""From this size, CPUs serve in bfloat16: decoding is bound by memory bandwidth, and float32 needs twice as much."""
SINGLE_THREAD_MAX_PARAMETERS, SINGLE_THREAD_MAX_TOKENS = 30_000_000, 512
"""Up to these, a CPU runs a forward pass in one thread: waking further threads takes longer than they save."""
DEFAULT_THREADS = torch.get_num_threads()


class LoadedBase:
    """Full weights in memory and the adapters over them.

    It is callable like the transformers model inside, with `adapters`: an adapter path or None per row.
    """

    def __init__(self, ref: Mapping[str, Any], dtype: str, on_layer: Callable[[], None] = lambda: None) -> None:
        """`on_layer` is called before every layer of a forward pass, and may raise an exception to end it."""
        self.model: Any = load_model(ref, dtype=dtype)
        for layers in [module for module in self.model.modules() if isinstance(module, torch.nn.ModuleList)]:
            for layer in layers:
                layer.register_forward_pre_hook(lambda *_: on_layer())
        self.size = _total_bytes(self.model.parameters())
        self._parameters = sum(weight.numel() for weight in self.model.parameters())
        self._linear_layers = {name: m for name, m in self.model.named_modules() if isinstance(m, torch.nn.Linear)}
        self.adapters: OrderedDict[str, int] = OrderedDict()
        """Path -> size in bytes, least recently used first."""
        self.multi_lora = MultiLora()
        self._active: str | None = None

    def __call__(self, *, adapters: Sequence[str | None] = (None,), **inputs: Any) -> Any:
        """Run a forward pass. Rows with different adapters are possible only for adapters in `multi_lora`."""
        is_small_model, tokens = self._parameters < SINGLE_THREAD_MAX_PARAMETERS, inputs["input_ids"].numel()
        torch.set_num_threads(1 if is_small_model and tokens <= SINGLE_THREAD_MAX_TOKENS else DEFAULT_THREADS)
        if any(path not in self.multi_lora for path in adapters):
            self._activate(adapters[0])
            return self.model(**inputs)
        self._activate(None)
        with self.multi_lora.active_adapters(adapters, self.device):
            return self.model(**inputs)

    @property
    def config(self) -> Any:
        """The transformers configuration."""
        return self.model.config

    @property
    def device(self) -> Any:
        """The device of the weights."""
        return self.model.device

    def attach(self, path: str, used: Collection[str]) -> None:
        """Load an adapter if it is not loaded. Evicts unused adapters, oldest first, when there are too many."""
        if path in self.adapters:
            self.adapters.move_to_end(path)
            return
        for evicted in [name for name in self.adapters if name not in used][: len(self.adapters) - MAX_ADAPTERS + 1]:
            self.detach(evicted)
        updates = load_plain_lora(Path(path), self._linear_layers, self.model.dtype, self.device)
        if updates is None:
            self.adapters[path] = self._load_with_peft(path)
        else:
            self.multi_lora.add(path, updates)
            self.adapters[path] = size_in_bytes(updates)

    def detach(self, path: str) -> None:
        """Unload an adapter."""
        self.adapters.pop(path)
        if path in self.multi_lora:
            self.multi_lora.remove(path)
        else:
            self._activate(None)
            self.model.delete_adapter(_module_name(path))

    def _activate(self, path: str | None) -> None:
        """Activate one adapter in peft's layers, or none."""
        if path == self._active:
            return
        layers = self.model.base_model
        if path is None:
            layers.disable_adapter_layers()
        else:
            if self._active is None:
                layers.enable_adapter_layers()
            self.model.set_adapter(_module_name(path), inference_mode=True)
        self._active = path

    def _load_with_peft(self, path: str) -> int:
        """Load an adapter that is more than plain LoRA, and return its size in bytes."""
        from peft import PeftModel

        first = not isinstance(self.model, PeftModel)
        if not first:
            self._activate(None)
        self.model = attach_adapter(self.model, Path(path), _module_name(path))
        if first:
            self.model.eval()
            self._active = path
        return _total_bytes(
            weights for name, weights in self.model.named_parameters() if f".{_module_name(path)}." in f"{name}."
        )


def _total_bytes(weights: Iterable[Any]) -> int:
    return sum(tensor.nbytes for tensor in weights)


def _module_name(path: str) -> str:
    """Return a module name for an adapter; torch does not allow dots in it."""
    return path.replace(".", "_")


class LoadedModel:
    """One servable model: a base model with or without an adapter, a tokenizer, and a chat template."""

    def __init__(self, base: LoadedBase, adapter: str | None, tokenizer: Any, template: ChatTemplate) -> None:
        self.base, self.adapter, self.tokenizer, self.template = base, adapter, tokenizer, template

    @property
    def attached(self) -> bool:
        """Whether its weights are in memory."""
        return self.adapter is None or self.adapter in self.base.adapters

    @property
    def size(self) -> int:
        """Size of its own weights in bytes; an adapter's excludes the base model."""
        return self.base.size if self.adapter is None else self.base.adapters[self.adapter]

    @property
    def batch_key(self) -> tuple[int, str | None]:
        """The key of the batch that it can join: its base model, and its adapter if multi-LoRA does not support it."""
        return id(self.base), None if self.adapter in self.base.multi_lora else self.adapter


class ModelCache:
    """Loads models and evicts the least recently used ones that are not pinned.

    A model spec is {"id", "uri", "ref", "template_hash", "parameters", "pinned"?}.
    """

    def __init__(self, on_layer: Callable[[], None] = lambda: None) -> None:
        """`on_layer` is called before every layer of a forward pass."""
        self._on_layer = on_layer
        self._bases: OrderedDict[str, LoadedBase] = OrderedDict()
        self._models: dict[str, LoadedModel] = {}
        self._pinned: set[str] = set()
        self._tokenizers: OrderedDict[str, tuple[Any, ChatTemplate]] = OrderedDict()

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each loaded model by uri; an adapter's excludes its base model."""
        return {uri: model.size for uri, model in self._models.items() if model.attached}

    def tokenizer(self, spec: Mapping[str, Any]) -> tuple[Any, ChatTemplate]:
        """Return the tokenizer and chat template without loading weights. Raises EngineError template_mismatch."""
        found = self._tokenizers.pop(spec["uri"], None) or _load_tokenizer(spec)
        self._tokenizers[spec["uri"]] = found
        while len(self._tokenizers) > MAX_TOKENIZERS:
            self._tokenizers.popitem(last=False)
        return found

    def find(self, uri: str) -> LoadedModel | None:
        """Return the model if it is loaded."""
        return self._models.get(uri)

    def __contains__(self, uri: str) -> bool:
        """Whether the model is loaded."""
        return uri in self._models

    def get(self, spec: Mapping[str, Any], used: Collection[LoadedModel]) -> LoadedModel:
        """Return the model, loaded if necessary. Models in `used` are not evicted.

        Raises EngineError: template_mismatch if the tokenizer is not the one that the model was trained with, and the
        errors of loading.
        """
        (self._pinned.add if spec.get("pinned") else self._pinned.discard)(spec["uri"])
        used = {*used, *(model for uri, model in self._models.items() if uri in self._pinned)}
        model = self._models.get(spec["uri"])
        if model is None:
            model = self._models[spec["uri"]] = self._load(spec, used)
        self._bases.move_to_end(_base_path(spec["ref"]))
        if model.adapter:
            self._attach(model, {other.adapter for other in used if other.adapter}, _base_path(spec["ref"]))
        return model

    def _attach(self, model: LoadedModel, used: Collection[str], base_path: str) -> None:
        """Load the adapter. If that fails, drop the base model, because the adapter may be half attached to it."""
        try:
            model.base.attach(str(model.adapter), used)
        except Exception:
            self._drop(base_path)
            raise

    def make_room(self, needed: int, model: LoadedModel) -> None:
        """Evict base models, but for that of `model` and pinned ones, until `needed` bytes are free."""
        pinned = [self._models[uri].base for uri in self._pinned if uri in self._models]
        self._evict_bases(needed, {id(base) for base in (model.base, *pinned)})

    def unload(self, uri: str) -> None:
        """Unload a model and return its memory to the system. Its base model stays while other models use it."""
        self._remove(uri)
        release_freed_memory()

    def _remove(self, uri: str) -> None:
        self._pinned.discard(uri)
        self._tokenizers.pop(uri, None)
        model = self._models.pop(uri, None)
        if model is None:
            return
        if model.adapter in model.base.adapters:
            model.base.detach(str(model.adapter))
        if not any(other.base is model.base for other in self._models.values()):
            self._bases = OrderedDict((path, base) for path, base in self._bases.items() if base is not model.base)

    def _load(self, spec: Mapping[str, Any], used: Collection[LoadedModel]) -> LoadedModel:
        ref = spec["ref"]
        tokenizer, template = self.tokenizer(spec)
        base = self._base(ref["base"] if ref["kind"] == "adapter" else ref, spec, used)
        return LoadedModel(base, str(ref["path"]) if ref["kind"] == "adapter" else None, tokenizer, template)

    def _base(self, ref: Mapping[str, Any], spec: Mapping[str, Any], used: Collection[LoadedModel]) -> LoadedBase:
        path = str(ref["path"])
        if path not in self._bases:
            dtype = _dtype(int(spec["parameters"]))
            self._evict_bases(int(spec["parameters"]) * BYTES_PER_PARAMETER[dtype], {id(model.base) for model in used})
            self._bases[path] = LoadedBase(ref, dtype, self._on_layer)
        return self._bases[path]

    def _evict_bases(self, needed: int, used: Collection[int]) -> None:
        """Evict base models, least recently used first, until `needed` bytes are free or all others are in use."""
        for path in [path for path, base in self._bases.items() if id(base) not in used]:
            if len(self._bases) < MAX_BASES and free_memory() >= needed * MEMORY_HEADROOM:
                return
            self._drop(path)
            release_freed_memory()

    def _drop(self, path: str) -> None:
        base = self._bases.pop(path, None)
        self._models = {uri: model for uri, model in self._models.items() if model.base is not base}


def _load_tokenizer(spec: Mapping[str, Any]) -> tuple[Any, ChatTemplate]:
    """Load the tokenizer and chat template, and verify that they are those of training."""
    tokenizer = load_tokenizer(spec["ref"])
    template = ChatTemplate.of(tokenizer)
    if template.hash != spec["template_hash"]:
        raise EngineError(
            "template_mismatch",
            f"the tokenizer or chat template of {spec['id']} differs from the one it was trained with",
            remedy="its files were changed after training; train or export the model again",
            expected=spec["template_hash"],
            found=template.hash,
        )
    return tokenizer, template


def _base_path(ref: Mapping[str, Any]) -> str:
    return str((ref["base"] if ref["kind"] == "adapter" else ref)["path"])


def _dtype(parameters: int) -> str:
    return "bfloat16" if torch.cuda.is_available() or parameters >= BFLOAT16_MIN_PARAMETERS else "float32"
