"""How much memory a training job takes, by part, before anything is loaded. Pure arithmetic that knows no machine.

All sizes are in bytes. The parts are counted from what the engine and transformers' Llama layers allocate. The few
factors that cannot be counted are fitted, with `benchmarks/preflight.py` as their source, and are in `Calibration`.
The numbers are those of a CPU process beyond its imported libraries. A GPU has the same parts and another allocator;
its numbers were never measured.
"""

from dataclasses import dataclass

from services.training.engine.spec import BatchLayout, Method, Objective
from shared.blobs.manifests import ModelShape

DTYPE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
MAX_LOGITS = 1 << 26
"""Logits that exist at a time; more are computed in chunks (engine/model/loss.py)."""
MAX_STORED_PROBABILITIES = 1 << 22
MIN_BLOCKED_TOKENS, QUERY_BLOCK = {"fp32": 160, "bf16": 1}, {"fp32": 64, "bf16": 128}
"""Document lengths from which blocked attention stores its probabilities, and the queries of a block
(engine/attention/cpu.py)."""
TILE_TOKENS, TILE_VOCABULARY = 4096, 1 << 15
"""Logits that exist at a time in preference training (trl/kernels/chunked_logprob.py)."""
TILE_BYTES = 7 * 4 + 1
"""Per logit of a tile, beside the logit itself: in its backward pass, six fp32 tensors and a boolean one exist when a
seventh is made."""
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Per weight, with double quantization (QLoRA, arXiv 2305.14314, section 3): 4 bits, an 8-bit scale per 64 weights, and
an fp32 scale per 256 of those scales."""
QUANTIZATION_BYTES = 14
"""Per weight of the matrix that is being quantized: itself and a scaled copy in fp32, its codes as integers and as
bytes."""
INT8_BYTES = 1.0
"""Per weight; a scale per row is too little to count (LLM.int8(), arXiv 2208.07339)."""
ADAM_BYTES, ADAM_8BIT_BYTES = 8, 2 + 8 / 256
"""Per trained weight. AdamW (arXiv 1711.05101) keeps two fp32 moments, its 8-bit variant (arXiv 2110.02861) two bytes
and two fp32 scales per block of 256."""


@dataclass(frozen=True)
class Calibration:
    """The fitted factors.

    `engine`: bytes of the engine itself, and `bf16_buffers` more where matrices are multiplied in bf16.
    `held_per_byte`: bytes that the allocator holds for each byte of activations and logits, by method and, for
    adapters, dtype. `held_per_state_byte`: the same for gradients and moments, which are allocated among them.
    """

    engine: float
    bf16_buffers: float
    held_per_byte: dict[str, float]
    held_per_state_byte: float


CPU = Calibration(
    engine=80e6,
    bf16_buffers=40e6,
    held_per_byte={"full": 1.0, "lora fp32": 1.44, "lora bf16": 1.23, "qlora fp32": 1.65, "qlora bf16": 1.46},
    held_per_state_byte=0.1,
)
"""glibc 2.36 (tuned by shared/engine/process/malloc.py) and torch 2.13, from benchmarks/preflight.py."""
GPU = Calibration(engine=6e8, bf16_buffers=0.0, held_per_byte={}, held_per_state_byte=0.0)
"""The CUDA context. Commonly reported, not measured here."""
CACHING_ALLOCATOR = 1.1
"""torch's caching allocator on a GPU loses about a tenth to fragmentation. Commonly reported, not measured here."""


@dataclass(frozen=True)
class StepPlan:
    """The heaviest micro-batch of a job and how it is trained.

    `tokens`: of the micro-batch, padding included; `length`: of its longest document. `trained`: share of tokens whose
    logits are computed. `accumulates`: a step has more than one micro-batch. `recomputes`: activations are recomputed
    in the backward pass (gradient checkpointing, arXiv 1604.06174).
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
    objective: Objective = "sft"


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes by part at the peak of a step.

    `overhead`: what the allocator holds beyond the other parts, and the engine itself. `loading`: the other peak,
    before the first step; most of it is mapped file pages that the kernel can reclaim.
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
        """Peak of a step, beyond the imported libraries."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits + self.overhead

    @property
    def peak(self) -> int:
        """Peak of the whole process (VmHWM), beyond the imported libraries."""
        return max(self.total, self.loading)


def estimate_memory(shape: ModelShape, plan: StepPlan) -> MemoryEstimate:
    """Estimate the parts at the peak of a step: the end of its forward pass and the beginning of its backward pass."""
    calibration = GPU if plan.gpu else CPU
    trained = count_trainable(shape, plan.method, plan.rank)
    activations = plan.tokens * _activations(shape, plan) + _adapted_experts(shape, plan)
    logits = _logits(shape, plan)
    working_set = activations + logits + _head(shape, plan)
    gradients, moments = 4 * trained, (ADAM_8BIT_BYTES if plan.optimizer == "adamw_8bit" else ADAM_BYTES) * trained
    kind = "full" if plan.method == "full" else f"{plan.method} {plan.dtype}"
    reused = 0 if plan.objective == "sft" else logits  # a tile's tensors have one size, so freed ones fit the next
    held = (working_set - reused) * calibration.held_per_byte.get(kind, CACHING_ALLOCATOR) + reused
    engine = calibration.engine + (0 if plan.dtype == "fp32" else calibration.bf16_buffers)
    overhead = engine + held - activations - logits
    return MemoryEstimate(
        weights=round(_weights(shape, plan) + (0 if plan.method == "full" else 4 * trained)),
        gradients=gradients,
        optimizer=round(moments),
        activations=round(activations),
        logits=round(logits),
        overhead=round(overhead + calibration.held_per_state_byte * (gradients + moments)),
        loading=round(calibration.engine + _loading(shape, plan)),
    )


def count_trainable(shape: ModelShape, method: Method, rank: int) -> int:
    """Count trained parameters: all, or A [rank, in] and B [out, rank] of every linear layer (arXiv 2106.09685).

    Every expert of a mixture has its own, for gate and up together and for down.
    """
    if method == "full":
        return shape.parameters
    experts = shape.experts * (2 * shape.hidden + 3 * shape.expert_mlp)
    return shape.layers * rank * (experts + sum(inputs + outputs for inputs, outputs in _linear_layers(shape)))


def _linear_layers(shape: ModelShape) -> list[tuple[int, int]]:
    """(inputs, outputs) of a block's linear layers: q, k, v, o, gate, up, down (SwiGLU, arXiv 2002.05202).

    The experts of a mixture are no linear layers, but tensors of all experts' weights.
    """
    hidden, queries, keys = shape.hidden, shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    attention = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    return attention if shape.experts else [*attention, (hidden, shape.mlp), (hidden, shape.mlp), (shape.mlp, hidden)]


def _expert_weights(shape: ModelShape) -> int:
    """Weights of all experts of all blocks: gate, up and down."""
    return shape.layers * shape.experts * 3 * shape.hidden * shape.expert_mlp


def _linear_weights(shape: ModelShape) -> int:
    """Weights of all blocks' linear layers, which are the ones that QLoRA quantizes."""
    return shape.layers * sum(inputs * outputs for inputs, outputs in _linear_layers(shape))


def _weights(shape: ModelShape, plan: StepPlan) -> float:
    """Full: fp32 master weights and autocast's copies. QLoRA: quantized linear layers, the rest in fp32."""
    linear, size = min(shape.parameters, _linear_weights(shape)), DTYPE_BYTES[plan.dtype]
    if plan.method == "full":
        # Autocast keeps a copy of every weight that a matrix product reads, the head's among them.
        copied = linear + _expert_weights(shape) + shape.vocab * shape.hidden
        return 4 * shape.parameters + (0 if plan.dtype == "fp32" else 2 * copied)
    if plan.method == "qlora":
        return (INT8_BYTES if plan.quantization == "int8" else NF4_BYTES) * linear + 4 * (shape.parameters - linear)
    return size * shape.parameters


def _loading(shape: ModelShape, plan: StepPlan) -> float:
    """The mapped files and the weights made from them; files that already have the right dtype are the weights.

    QLoRA quantizes one matrix at a time, so its peak is at the largest of them, when all others exist.
    """
    files = shape.stored * shape.parameters
    if plan.method == "lora" and round(shape.stored) == DTYPE_BYTES[plan.dtype]:
        return files
    if plan.method == "qlora":
        largest = max(inputs * outputs for inputs, outputs in _linear_layers(shape))
        return files + _weights(shape, plan) + QUANTIZATION_BYTES * largest
    return files + (4 if plan.method == "full" else DTYPE_BYTES[plan.dtype]) * shape.parameters


def _activations(shape: ModelShape, plan: StepPlan) -> float:
    """Bytes per token: what all blocks store, or only every block's input and what one recomputed block stores."""
    per_block = stored_per_token(shape, plan)
    if not plan.recomputes:
        return shape.layers * per_block
    residual = DTYPE_BYTES[plan.dtype] if plan.method == "lora" else 4
    return shape.layers * shape.hidden * residual + per_block


def stored_per_token(shape: ModelShape, plan: StepPlan) -> float:
    """Bytes per token that one block stores for the backward pass: the saved tensors of transformers' Llama layer.

    The two norms' inputs in fp32; the inputs of the linear layers; the gate's and up's outputs and the activated gate
    of the MLP, whose product is the input of down; attention; and the rank-sized products of the adapters.
    """
    hidden, size = shape.hidden, DTYPE_BYTES[plan.dtype]
    # A norm's output is stored once for all layers that read it (engine/kernels/cpu_fused.py). Over quantized layers
    # in bf16 each of the five adapters that read one (q, k, v, gate, up) stores a cast of its own.
    norm_outputs = 5 if plan.method == "qlora" and plan.dtype != "fp32" else 2
    inputs = (norm_outputs * hidden + shape.heads * shape.head_size) * size
    chosen = shape.experts_per_token  # each gets a copy of its tokens, and its outputs are weighted
    mlp = 2 * chosen * hidden + 4 * chosen * shape.expert_mlp if shape.experts else 4 * shape.mlp
    return 2 * hidden * 4 + inputs + mlp * size + _attention(shape, plan) + _adapters(shape, plan)


def _adapted_experts(shape: ModelShape, plan: StepPlan) -> float:
    """The experts' weights with their adapters folded in (peft's target_parameters), which all blocks store."""
    if plan.method == "full":
        return 0
    blocks = 1 / shape.layers if plan.recomputes else 1
    return blocks * _expert_weights(shape) * (4 if plan.method == "qlora" else DTYPE_BYTES[plan.dtype])


def _attention(shape: ModelShape, plan: StepPlan) -> float:
    """Queries, keys, values, the output, and what the backward pass needs of the probabilities; bytes per token."""
    queries, keys, size = shape.heads * shape.head_size, shape.kv_heads * shape.head_size, DTYPE_BYTES[plan.dtype]
    if plan.layout == "padded":
        # Masked attention expands keys and values to every head, and each block stores the mask as numbers.
        return 4 * queries * size + plan.length * size + 4 * shape.heads
    return (2 * queries + 2 * keys) * size + _probabilities(shape, plan)


def _adapters(shape: ModelShape, plan: StepPlan) -> float:
    return 0 if plan.method == "full" else len(_linear_layers(shape)) * plan.rank * DTYPE_BYTES[plan.dtype]


def _probabilities(shape: ModelShape, plan: StepPlan) -> float:
    """Per token: half a row of probabilities per head where attention is blocked, else the kernel's fp32 normalizer."""
    blocked = not plan.gpu and plan.dtype in QUERY_BLOCK and plan.length >= MIN_BLOCKED_TOKENS[plan.dtype]
    if not blocked or shape.heads * plan.length**2 > MAX_STORED_PROBABILITIES:
        return 4 * shape.heads
    return shape.heads * (plan.length + QUERY_BLOCK[plan.dtype]) / 2 * DTYPE_BYTES[plan.dtype]


def _logits(shape: ModelShape, plan: StepPlan) -> float:
    """Logits in fp32, their softmax and its gradient; in bf16 also the logits before the cast.

    Preference training computes all tokens' logits in tiles, and the gradient of the head's input in fp32.
    """
    if plan.objective != "sft":
        tile = min(plan.tokens, TILE_TOKENS) * min(shape.vocab, TILE_VOCABULARY)
        return tile * (TILE_BYTES + DTYPE_BYTES[plan.dtype]) + 4 * plan.tokens * shape.hidden
    count = min(plan.tokens * plan.trained * shape.vocab, MAX_LOGITS)
    return count * (3 * 4 + (0 if plan.dtype == "fp32" else 2))


def _head(shape: ModelShape, plan: StepPlan) -> float:
    """Full: the head's gradient before it is added to the accumulated one. QLoRA: a cast of its fp32 head.

    A head that shares the embeddings' weights keeps its gradient until that of the embeddings is added.
    """
    if plan.method == "full":
        return 4 * shape.vocab * shape.hidden * (plan.accumulates + shape.tied)
    cast = plan.method == "qlora" and plan.dtype != "fp32"
    return DTYPE_BYTES[plan.dtype] * shape.vocab * shape.hidden if cast else 0
