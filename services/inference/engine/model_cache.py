"""Which models are in memory: each base once, its adapters beside it, the least recently used leave first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from services.inference.engine.adapters import read_plain, size_of
from services.inference.engine.device_memory import free_memory
from services.inference.engine.multi_lora import Mixer
from shared.engine.loading.load import load_model
from shared.engine.process.malloc import release_freed_memory
from shared.engine.process.protocol import EngineError
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer

MOST_BASES = 4
MOST_ADAPTERS = 32
MOST_TOKENIZERS = 64
SIZE = {"float32": 4, "bfloat16": 2}
RESERVE = 1.2
"""Free memory over the weights' own size that a load asks for: caches and kernels need room too."""
WIDE = 1_000_000_000
"""Parameters from which a CPU serves in bfloat16: float32 would need twice the memory bandwidth."""


SMALL, FEW = 30_000_000, 64
"""Parameters and tokens of a forward pass up to which a CPU computes it with one thread: others would wake too late."""
THREADS = torch.get_num_threads()


class Base:
    """Full weights in memory and the adapters over them.

    It is called like the transformers model that it holds, with `adapters`: a path or None for each row.
    """

    def __init__(self, ref: Mapping[str, Any], dtype: str) -> None:
        self.model: Any = load_model(ref, dtype=dtype)
        self.size = _bytes(self.model.parameters())
        self._parameters = sum(weight.numel() for weight in self.model.parameters())
        self._linear = {name: m for name, m in self.model.named_modules() if isinstance(m, torch.nn.Linear)}
        self.adapters: OrderedDict[str, int] = OrderedDict()
        """Path -> bytes, the least recently used first."""
        self.mixer = Mixer()
        self._active: str | None = None

    def __call__(self, *, adapters: Sequence[str | None] = (None,), **inputs: Any) -> Any:
        """A forward pass; rows differ only in adapters that the mixer has."""
        few = inputs["input_ids"].numel() <= FEW and self._parameters < SMALL
        torch.set_num_threads(1 if few else THREADS)
        if any(path not in self.mixer for path in adapters):
            self._activate(adapters[0])
            return self.model(**inputs)
        self._activate(None)
        with self.mixer.rows(adapters, self.device):
            return self.model(**inputs)

    @property
    def config(self) -> Any:
        """The transformers configuration."""
        return self.model.config

    @property
    def device(self) -> Any:
        """Where inputs belong."""
        return self.model.device

    def attach(self, path: str, used: Collection[str]) -> None:
        """Load an adapter once; the oldest unused one goes when there are too many."""
        if path in self.adapters:
            self.adapters.move_to_end(path)
            return
        for old in [name for name in self.adapters if name not in used][: len(self.adapters) - MOST_ADAPTERS + 1]:
            self.detach(old)
        updates = read_plain(Path(path), self._linear, self.model.dtype, self.device)
        if updates is None:
            self.adapters[path] = self._leave_to_peft(path)
        else:
            self.mixer.take(path, updates)
            self.adapters[path] = size_of(updates)

    def detach(self, path: str) -> None:
        """Forget an adapter."""
        self.adapters.pop(path)
        if path in self.mixer:
            self.mixer.drop(path)
        else:
            self._activate(None)
            self.model.delete_adapter(_name(path))

    def _activate(self, path: str | None) -> None:
        """Let peft's layers use this adapter, or none."""
        if path == self._active:
            return
        layers = self.model.base_model
        if path is None:
            layers.disable_adapter_layers()
        else:
            if self._active is None:
                layers.enable_adapter_layers()
            self.model.set_adapter(_name(path), inference_mode=True)
        self._active = path

    def _leave_to_peft(self, path: str) -> int:
        """Load an adapter that is more than plain LoRA; its bytes."""
        from peft import PeftModel

        if isinstance(self.model, PeftModel):
            self._activate(None)
            self.model.load_adapter(path, _name(path), local_files_only=True)
        else:
            self.model = PeftModel.from_pretrained(self.model, path, _name(path), local_files_only=True).eval()
            self._active = path
        return _bytes(weights for name, weights in self.model.named_parameters() if f".{_name(path)}." in f"{name}.")


def _bytes(weights: Iterable[Any]) -> int:
    return sum(tensor.nbytes for tensor in weights)


def _name(path: str) -> str:
    """A module name for an adapter; torch allows no dots in it."""
    return path.replace(".", "_")


class Variant:
    """One model as its callers see it: a base with or without an adapter, a tokenizer, a template."""

    def __init__(self, base: Base, adapter: str | None, tokenizer: Any, template: ChatTemplate) -> None:
        self.base, self.adapter, self.tokenizer, self.template = base, adapter, tokenizer, template

    @property
    def attached(self) -> bool:
        """Whether its weights are in memory."""
        return self.adapter is None or self.adapter in self.base.adapters

    @property
    def size(self) -> int:
        """Bytes of its own weights: an adapter's without the base's."""
        return self.base.size if self.adapter is None else self.base.adapters[self.adapter]

    @property
    def lane(self) -> tuple[int, str | None]:
        """What must be equal for answers to be written as one batch: the base, and an adapter that cannot be mixed."""
        return id(self.base), None if self.adapter in self.base.mixer else self.adapter


class Residency:
    """Loads variants, keeps the recent ones and those that are pinned.

    A model is told as {"id", "uri", "ref", "template_hash", "parameters", "pinned"?}.
    """

    def __init__(self) -> None:
        self._bases: OrderedDict[str, Base] = OrderedDict()
        self._variants: dict[str, Variant] = {}
        self._pinned: set[str] = set()
        self._tokenizers: OrderedDict[str, tuple[Any, ChatTemplate]] = OrderedDict()

    def sizes(self) -> dict[str, int]:
        """Bytes of the weights in memory, by uri; an adapter counts without its base."""
        return {uri: variant.size for uri, variant in self._variants.items() if variant.attached}

    def tokenizer(self, spec: Mapping[str, Any]) -> tuple[Any, ChatTemplate]:
        """The model's own tokenizer and template, without its weights; raises EngineError template_mismatch."""
        found = self._tokenizers.pop(spec["uri"], None) or _locked(spec)
        self._tokenizers[spec["uri"]] = found
        while len(self._tokenizers) > MOST_TOKENIZERS:
            self._tokenizers.popitem(last=False)
        return found

    def known(self, uri: str) -> Variant | None:
        """The variant, if it needs no loading."""
        return self._variants.get(uri)

    def __contains__(self, uri: str) -> bool:
        """Whether this variant needs no loading."""
        return uri in self._variants

    def get(self, spec: Mapping[str, Any], used: Collection[Variant]) -> Variant:
        """The variant, loaded if need be; those in `used` are not evicted.

        Raises EngineError: template_mismatch where the tokenizer is not the one it was trained with, and what the
        loader raises.
        """
        (self._pinned.add if spec.get("pinned") else self._pinned.discard)(spec["uri"])
        used = {*used, *(variant for uri, variant in self._variants.items() if uri in self._pinned)}
        variant = self._variants.get(spec["uri"])
        if variant is None:
            variant = self._variants[spec["uri"]] = self._load(spec, used)
        self._bases.move_to_end(_base_path(spec["ref"]))
        if variant.adapter:
            self._attach(variant, {v.adapter for v in used if v.adapter}, _base_path(spec["ref"]))
        return variant

    def _attach(self, variant: Variant, used: Collection[str], base_path: str) -> None:
        """Load the adapter; a base that a damaged one was half attached to is not trusted any more."""
        try:
            variant.base.attach(str(variant.adapter), used)
        except Exception:
            self._drop(base_path)
            raise

    def forget(self, uri: str) -> None:
        """Unload one model, and give its memory back; a base stays while it has other users."""
        self._remove(uri)
        release_freed_memory()

    def _remove(self, uri: str) -> None:
        self._pinned.discard(uri)
        self._tokenizers.pop(uri, None)
        variant = self._variants.pop(uri, None)
        if variant is None:
            return
        if variant.adapter in variant.base.adapters:
            variant.base.detach(str(variant.adapter))
        if not any(other.base is variant.base for other in self._variants.values()):
            self._bases = OrderedDict((path, base) for path, base in self._bases.items() if base is not variant.base)

    def _load(self, spec: Mapping[str, Any], used: Collection[Variant]) -> Variant:
        ref = spec["ref"]
        tokenizer, template = self.tokenizer(spec)
        base = self._base(ref["base"] if ref["kind"] == "adapter" else ref, spec, used)
        return Variant(base, str(ref["path"]) if ref["kind"] == "adapter" else None, tokenizer, template)

    def _base(self, ref: Mapping[str, Any], spec: Mapping[str, Any], used: Collection[Variant]) -> Base:
        path = str(ref["path"])
        if path not in self._bases:
            dtype = _dtype(int(spec["parameters"]))
            self._make_room(int(spec["parameters"]) * SIZE[dtype], {id(variant.base) for variant in used})
            self._bases[path] = Base(ref, dtype)
        return self._bases[path]

    def _make_room(self, needed: int, used: Collection[int]) -> None:
        """Let the least recently used bases go until `needed` bytes are free, or only used ones are left."""
        for path in [path for path, base in self._bases.items() if id(base) not in used]:
            if len(self._bases) < MOST_BASES and free_memory() >= needed * RESERVE:
                return
            self._drop(path)
            release_freed_memory()

    def _drop(self, path: str) -> None:
        base = self._bases.pop(path, None)
        self._variants = {name: v for name, v in self._variants.items() if v.base is not base}


def _locked(spec: Mapping[str, Any]) -> tuple[Any, ChatTemplate]:
    """The tokenizer and template, if they are those that the model was trained with."""
    tokenizer = load_tokenizer(spec["ref"])
    template = ChatTemplate.of(tokenizer)
    if template.hash != spec["template_hash"]:
        raise EngineError(
            "template_mismatch",
            f"the tokenizer and template of {spec['id']} are not those it was trained with",
            remedy="export or train the model again; its files were changed after training",
            expected=spec["template_hash"],
            found=template.hash,
        )
    return tokenizer, template


def _base_path(ref: Mapping[str, Any]) -> str:
    return str((ref["base"] if ref["kind"] == "adapter" else ref)["path"])


def _dtype(parameters: int) -> str:
    return "bfloat16" if torch.cuda.is_available() or parameters >= WIDE else "float32"
