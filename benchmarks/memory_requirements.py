"""The memory that training needs by model size and method, as the table of docs/guides/choosing.md.

Evaluates the memory formula for published model shapes; nothing is measured, downloaded or loaded.

Usage: python benchmarks/memory_requirements.py
"""

from itertools import product

from services.training.engine.spec import BatchLayout, Method
from services.training.estimates.feasibility import LIBRARIES_BYTES
from services.training.estimates.memory import StepPlan, estimate_memory
from shared.blobs.manifests import ModelShape


def shape(hidden: int, layers: int, heads: int, kv_heads: int, head_size: int, mlp: int, vocab: int) -> ModelShape:
    """A Llama-like decoder, stored in bf16; below 4,096 units its head and embeddings share their weights."""
    tied = hidden < 4096
    queries, keys = heads * head_size, kv_heads * head_size
    layer = 2 * hidden * queries + 2 * hidden * keys + 3 * hidden * mlp + 2 * hidden
    parameters = layers * layer + hidden + vocab * hidden * (1 if tied else 2)
    sizes = {"hidden": hidden, "layers": layers, "heads": heads, "kv_heads": kv_heads, "head_size": head_size}
    return ModelShape(parameters=parameters, mlp=mlp, vocab=vocab, tied=tied, stored=2.0, **sizes)


MODELS = {
    "SmolLM2-135M": shape(576, 30, 9, 3, 64, 1536, 49_152),
    "Llama-3.2-1B": shape(2048, 16, 32, 8, 64, 8192, 128_256),
    "Llama-3.2-3B": shape(3072, 28, 24, 8, 128, 8192, 128_256),
    "Llama-3.1-8B": shape(4096, 32, 32, 8, 128, 14_336, 128_256),
    "Llama-2-13B": shape(5120, 40, 40, 40, 128, 13_824, 32_000),
}
METHODS: tuple[Method, ...] = ("lora", "qlora", "full")
ROW = 512
"""Tokens of a row; all of them trained, which is the most that the logits can take."""


def need(model: ModelShape, method: Method, *, gpu: bool, least: bool) -> str:
    """GB in bf16, libraries included: with the default micro-batch, or with one row and gradient checkpointing."""
    tokens = ROW if least else 4096 if model.parameters < 4e9 else 2048
    layout: BatchLayout = "padded" if gpu else "packed"
    plan = StepPlan(method=method, dtype="bf16", tokens=tokens, length=ROW, layout=layout, gpu=gpu, recomputes=least)
    estimate = estimate_memory(model, plan)
    size = ((estimate.total if gpu else estimate.peak) + LIBRARIES_BYTES) / 1e9
    return f"{size:.1f}" if size < 10 else f"{size:.0f}"


def main() -> None:
    """Print the table."""
    print("| Model shape | Parameters | Method | CPU: default | CPU: minimum | GPU: default | GPU: minimum |")
    print("|---|---|---|---|---|---|---|")
    for (name, model), method in product(MODELS.items(), METHODS):
        cells = [need(model, method, gpu=gpu, least=least) for gpu, least in product((False, True), repeat=2)]
        print(f"| {name} | {model.parameters / 1e6:,.0f}M | {method} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
