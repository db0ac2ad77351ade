"""How vLLM will serve the model of a job, known when the job is submitted. Pure.

vLLM keeps one base model in memory and LoRA adapters with it. An adapter that it cannot load is merged into its base
model at deployment (services/inference/vllm/merging.py) and then needs a server and full weights of its own. The
transformers engine serves every model as it is.
"""

from collections.abc import Mapping
from typing import Any

from services.training.models import Serving

MAX_RANK = 64
"""The inference service starts vLLM with this `--max-lora-rank`."""
EMBEDDING_LAYERS = frozenset(("embed_tokens", "lm_head", "wte", "embed_in", "embed_out"))
LINEAR_REMEDY = 'Leave lora.targets at "all-linear", or name linear layers inside the blocks.'


def predict_serving(method: str, lora: Mapping[str, Any] | None, base_kind: str) -> Serving:
    """`lora`: the resolved settings (rank, targets); `base_kind`: the kind in the base model's manifest."""
    if method == "full":
        return Serving(form="full")
    obstacle = _obstacle(lora or {}, base_kind)
    return Serving(form="merged", reason=obstacle[0], remedy=obstacle[1]) if obstacle else Serving(form="adapter")


def _obstacle(lora: Mapping[str, Any], base_kind: str) -> tuple[str, str] | None:
    """Reason and remedy of the first property that vLLM cannot serve as an adapter."""
    rank, targets = lora.get("rank") or 0, lora.get("targets")
    if rank > MAX_RANK:
        return f"rank {rank} is above {MAX_RANK}", f"Set lora.rank to {MAX_RANK} or less."
    named = [] if targets is None or isinstance(targets, str) else targets
    if outside := sorted(name for name in named if name.rpartition(".")[2] in EMBEDDING_LAYERS):
        return f"{', '.join(outside)} is outside the model's blocks", LINEAR_REMEDY
    if base_kind == "adapter":
        return (
            "the base model is itself an adapter",
            "Start from a full model, such as an export of this one with torch.",
        )
    return None
