"""How vLLM will serve what a job makes, told when the job is submitted. Pure.

vLLM keeps one base in memory and LoRA adapters beside it. An adapter that it cannot take is merged into its base when
it is deployed (services/inference/vllm/merging.py) and then needs a server and full weights of its own; the
transformers engine serves every model as it is.
"""

from collections.abc import Mapping
from typing import Any

from services.training.models import Serving

MOST_RANK = 64
"""What the inference room's vLLM is started for (`--max-lora-rank`)."""
EMBEDDINGS = frozenset(("embed_tokens", "lm_head", "wte", "embed_in", "embed_out"))
LINEAR = 'Leave lora.targets at "all-linear", or name linear layers inside the blocks.'


def serving(method: str, lora: Mapping[str, Any] | None, base_kind: str) -> Serving:
    """`lora` as resolved (rank, targets); `base_kind` is that of the base's manifest."""
    if method == "full":
        return Serving(form="full")
    refused = _refused(lora or {}, base_kind)
    return Serving(form="merged", reason=refused[0], remedy=refused[1]) if refused else Serving(form="adapter")


def _refused(lora: Mapping[str, Any], base_kind: str) -> tuple[str, str] | None:
    """Reason and remedy of the first thing that vLLM cannot serve beside other adapters."""
    rank, targets = lora.get("rank") or 0, lora.get("targets")
    if rank > MOST_RANK:
        return f"rank {rank} is above {MOST_RANK}", f"Set lora.rank to {MOST_RANK} or less."
    named = [] if targets is None or isinstance(targets, str) else targets
    if outside := sorted(name for name in named if name.rpartition(".")[2] in EMBEDDINGS):
        return f"{', '.join(outside)} lies outside the model's blocks", LINEAR
    if base_kind == "adapter":
        return "the base is itself an adapter", "Start from a full model, such as an export of this one with torch."
    return None
