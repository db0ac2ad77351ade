"""How much memory a training job will take, by part, before anything is loaded. Pure arithmetic; knows no machine.

What a step allocates was read off the engine and the library it calls, and then weighed: every factor that is not
counted but was fitted is in `Calibration`, with `benchmarks/preflight.py` as its source. The figures are those of a CPU
process beyond its imported libraries. The GPU's are the same counts with another allocator; they were never measured.
"""

from dataclasses import dataclass

from services.training.engine.spec import BatchLayout, Method
from shared.blobs.manifests import ModelShape

SIZES = {"fp32": 4, "bf16": 2, "fp16": 2}
MOST_LOGITS = 1 << 26
"""Logits that exist at a time (engine/loss.py)."""
MOST_KEPT, SHORTEST, BLOCK = 1 << 22, {"fp32": 160, "bf16": 112}, {"fp32": 64, "bf16": 128}
"""Where attention keeps its probabilities, and in blocks of how many queries (engine/causal.py)."""
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes per weight: 4 bits, a byte per 64 of them, and a float per 256 of those (arXiv 2305.14314, section 3)."""
QUANTIZING = 14
"""Bytes per weight of a matrix in between: itself and scaled in fp32, its codes as integers and as bytes."""
INT8 = 1.0
"""Bytes per weight, beside a float for each row (arXiv 2208.07339)."""
ADAM, ADAM_8BIT = 8, 2 + 8 / 256
"""Bytes per weight of two moments (arXiv 1711.05101); in 8 bits with a float per block of 256 (arXiv 2110.02861)."""


@dataclass(frozen=True)
class Calibration:
    """What was fitted rather than counted. `beside` bytes are the engine's own, `products` more where they are in bf16.

    `spread` is what the allocator holds for each byte that a step works with, by method and, of adapters, computing
    type; `scattered` the same for each byte of gradients and moments, which come and go among them.
    """

    beside: float
    products: float
    spread: dict[str, float]
    scattered: float


CPU = Calibration(
    beside=80e6,
    products=40e6,
    spread={"full": 1.0, "lora fp32": 1.44, "lora bf16": 1.23, "qlora fp32": 1.65, "qlora bf16": 1.46},
    scattered=0.1,
)
"""glibc 2.36 (tuned by shared/engine/process/malloc.py) and torch 2.13. From benchmarks/preflight.py."""
GPU = Calibration(beside=6e8, products=0.0, spread={}, scattered=0.0)
"""The CUDA context and a caching allocator, which loses about a tenth. Unmeasured: what is commonly reported."""
LOST = 1.1


@dataclass(frozen=True)
class Plan:
    """What is trained how. Lengths in tokens: `tokens` computed at once, `length` of the longest document among them.

    `trained` is the share of tokens that are predicted; `accumulates` whether a step has more than one micro-batch;
    `recomputes` whether activations are computed anew on the way back (arXiv 1604.06174).
    """

    method: Method
    dtype: str
    tokens: int
    length: int
    trained: float = 1.0
    accumulates: bool = True
    rank: int = 16
    optimizer: str = "adamw"
    quantization: str | None = None
    layout: BatchLayout = "packed"
    gpu: bool = False
    recomputes: bool = False


@dataclass(frozen=True)
class Memory:
    """Bytes by part. `overhead` is what the allocator holds beyond them, and the engine itself.

    `loading` is the other peak, before the first step; most of it are pages of files, which the kernel can take back.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    overhead: int
    loading: int

    @property
    def total(self) -> int:
        """In the worst moment of a step, beyond the imported libraries."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.overhead

    @property
    def peak(self) -> int:
        """What the kernel's high-water mark will say."""
        return max(self.total, self.loading)


def memory(shape: ModelShape, plan: Plan) -> Memory:
    """The parts at the worst moment: a step's last products forward and its first ones back."""
    calibration = GPU if plan.gpu else CPU
    trained = trainable(shape, plan.method, plan.rank)
    activations = plan.tokens * _activations(shape, plan)
    logits = _logits(shape, plan)
    working = activations + logits + _head(shape, plan)
    gradients, moments = 4 * trained, (ADAM_8BIT if plan.optimizer == "adamw_8bit" else ADAM) * trained
    spread = calibration.spread.get("full" if plan.method == "full" else f"{plan.method} {plan.dtype}", LOST)
    beside = calibration.beside + (0 if plan.dtype == "fp32" else calibration.products)
    overhead = beside + working * spread - activations - logits
    return Memory(
        weights=round(_weights(shape, plan) + (0 if plan.method == "full" else 4 * trained)),
        gradients=gradients,
        optimizer=round(moments),
        activations=round(activations),
        logits=round(logits),
        overhead=round(overhead + calibration.scattered * (gradients + moments)),
        loading=round(calibration.beside + _loading(shape, plan)),
    )


def trainable(shape: ModelShape, method: Method, rank: int) -> int:
    """Parameters that are trained: all, or A [rank, in] and B [out, rank] of every linear layer (arXiv 2106.09685)."""
    if method == "full":
        return shape.parameters
    return shape.layers * rank * sum(inputs + outputs for inputs, outputs in _linear(shape))


def _linear(shape: ModelShape) -> list[tuple[int, int]]:
    """(inputs, outputs) of a layer's seven linear maps, gated as in Llama (arXiv 2002.05202)."""
    hidden, queries, keys = shape.hidden, shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    attention = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    return [*attention, (hidden, shape.mlp), (hidden, shape.mlp), (shape.mlp, hidden)]


def _inner(shape: ModelShape) -> int:
    """Weights of all linear layers, those that are quantized."""
    return shape.layers * sum(inputs * outputs for inputs, outputs in _linear(shape))


def _weights(shape: ModelShape, plan: Plan) -> float:
    """Full training: fp32 masters, and beside them what autocast casts. QLoRA: all but the inner weights in fp32."""
    inner, size = min(shape.parameters, _inner(shape)), SIZES[plan.dtype]
    if plan.method == "full":
        return 4 * shape.parameters + (0 if plan.dtype == "fp32" else 2 * (inner + shape.vocab * shape.hidden))
    if plan.method == "qlora":
        return (INT8 if plan.quantization == "int8" else NF4) * inner + 4 * (shape.parameters - inner)
    return size * shape.parameters


def _loading(shape: ModelShape, plan: Plan) -> float:
    """The files as they are mapped, and what is made of them; those of the right type already are the weights.

    What becomes four bits does so matrix by matrix: behind the last of the largest is all the rest.
    """
    files = shape.stored * shape.parameters
    if plan.method == "lora" and round(shape.stored) == SIZES[plan.dtype]:
        return files
    if plan.method == "qlora":
        return files + _weights(shape, plan) + QUANTIZING * max(inputs * outputs for inputs, outputs in _linear(shape))
    return files + (4 if plan.method == "full" else SIZES[plan.dtype]) * shape.parameters


def _activations(shape: ModelShape, plan: Plan) -> float:
    """Bytes per token: what all layers keep, or only their inputs and what the one at work keeps."""
    of_layer = kept_per_token(shape, plan)
    if not plan.recomputes:
        return shape.layers * of_layer
    carried = SIZES[plan.dtype] if plan.method == "lora" else 4
    return shape.layers * shape.hidden * carried + of_layer


def kept_per_token(shape: ModelShape, plan: Plan) -> float:
    """Bytes that a layer keeps of a token for the way back, by the saved tensors of transformers' Llama layer.

    Of a norm: its input in fp32, and what it gives, once for all layers that take it (engine/fused.py). Of the MLP:
    both branches, the activated one and the product. Over four-bit layers every adapter casts its input for itself.
    """
    hidden, size = shape.hidden, SIZES[plan.dtype]
    given = 5 if plan.method == "qlora" and plan.dtype != "fp32" else 2
    inputs = (given * hidden + shape.heads * shape.head_size + shape.mlp) * size
    return 2 * hidden * 4 + inputs + 3 * shape.mlp * size + _attention(shape, plan) + _adapters(shape, plan)


def _attention(shape: ModelShape, plan: Plan) -> float:
    """Queries, keys, values, what it gives, and what tells the probabilities.

    Behind a mask every head has keys and values of its own, and every layer the mask in numbers. Short documents side
    by side are computed in fp32 (engine/alike.py).
    """
    queries, keys, size = shape.heads * shape.head_size, shape.kv_heads * shape.head_size, SIZES[plan.dtype]
    if plan.layout == "padded":
        return 4 * queries * size + plan.length * size + 4 * shape.heads
    short = not plan.gpu and plan.length < SHORTEST[plan.dtype]
    return (2 * queries + 2 * keys) * (4 if short else size) + _probabilities(shape, plan)


def _adapters(shape: ModelShape, plan: Plan) -> float:
    return 0 if plan.method == "full" else len(_linear(shape)) * plan.rank * SIZES[plan.dtype]


def _probabilities(shape: ModelShape, plan: Plan) -> float:
    """Half a square per head where engine/causal.py attends; else a float per head, the kernel's normalizer."""
    kept = not plan.gpu and plan.dtype in BLOCK
    if not kept or plan.length < SHORTEST[plan.dtype] or shape.heads * plan.length**2 > MOST_KEPT:
        return 4 * shape.heads
    return shape.heads * (plan.length + BLOCK[plan.dtype]) / 2 * SIZES[plan.dtype]


def _logits(shape: ModelShape, plan: Plan) -> float:
    """Logits in the computing type and in fp32, their softmax and its gradient; in chunks beyond MOST_LOGITS."""
    count = min(plan.tokens * plan.trained * shape.vocab, MOST_LOGITS)
    return count * (3 * 4 + (0 if plan.dtype == "fp32" else 2))


def _head(shape: ModelShape, plan: Plan) -> float:
    """The head's gradient before it is added to what there is; QLoRA's fp32 head, cast to the computing type.

    Where head and embeddings are one, the gradient of the former waits for that of the latter.
    """
    if plan.method == "full":
        return 4 * shape.vocab * shape.hidden * (plan.accumulates + shape.tied)
    return SIZES[plan.dtype] * shape.vocab * shape.hidden if plan.method == "qlora" and plan.dtype != "fp32" else 0
