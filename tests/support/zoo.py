"""The zoo: tiny random models of the architectures that users bring, and what the platform does with each.

`python -m tests.support.zoo` writes docs/reference/models.md from it; `--check` only compares. tests/models proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.generated_page import write_or_check
from tests.support.tiny_model import make_tiny_tokenizer

PADDED = "padded only"
UNCACHED = "slow decoding"
NO_QLORA = "no QLoRA"
NO_ONNX = "no ONNX"
RECURRENT = (PADDED, UNCACHED, NO_ONNX)
WINDOW = 16
"""Tokens of sliding windows and chunks: fewer than the documents of the tests have."""

_TOKENS: dict[str, Any] = {"vocab_size": 320, "bos_token_id": None, "eos_token_id": 0}
_LLAMA: dict[str, Any] = {
    **_TOKENS,
    "pad_token_id": 3,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_HEADS = {**_LLAMA, "head_dim": 16}
_NEOX = {key: value for key, value in _LLAMA.items() if key != "num_key_value_heads"}
_GPT2 = {**_TOKENS, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512}
_PLAIN = {**_TOKENS, "hidden_size": 64, "num_hidden_layers": 2}
_SLIDING = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
_SHARED_CACHE = {
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
    "sliding_window": WINDOW,
    "vocab_size_per_layer_input": 320,
    "hidden_size_per_layer_input": 8,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
}
"""The last two layers use the keys and values of the first two."""
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
_SHARED_EXPERT = {
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
}
_LATENT = {  # value heads of another size than query and key heads
    **_LLAMA,
    **_SHARED_EXPERT,
    "num_key_value_heads": 4,
    "q_lora_rank": 24,
    "kv_lora_rank": 32,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "v_head_dim": 20,
    "n_group": 1,
    "topk_group": 1,
}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_chunk_size": WINDOW}


@dataclass(frozen=True)
class Family:
    """A configuration of transformers, with `limits` of what the platform does with it, or the reason it is `refused`.

    `models` are some that users bring.
    """

    models: str
    config: str
    settings: dict[str, Any]
    limits: tuple[str, ...] = ()
    refused: str = ""


ZOO: dict[str, Family] = {
    "Llama": Family("Llama 2, 3, 3.1, 3.2, SmolLM2, TinyLlama, Yi", "LlamaConfig", _LLAMA),
    "Llama, tied embeddings": Family("Llama 3.2 1B and 3B", "LlamaConfig", {**_LLAMA, "tie_word_embeddings": True}),
    "Llama 4 text, chunked": Family(
        "Llama 4 Scout, Maverick",
        "Llama4TextConfig",
        {**_HEADS, **_LOCAL_EXPERTS, "intermediate_size_mlp": 96, "attention_chunk_size": WINDOW},
        (PADDED,),
    ),
    "Mistral, sliding window": Family("Mistral 7B", "MistralConfig", {**_LLAMA, "sliding_window": WINDOW}),
    "Ministral": Family("Ministral 8B", "MinistralConfig", {**_HEADS, **_SLIDING}),
    "Mixtral": Family("Mixtral 8x7B, 8x22B", "MixtralConfig", {**_LLAMA, **_LOCAL_EXPERTS}),
    "Qwen 2 and 2.5": Family("Qwen2, Qwen2.5", "Qwen2Config", {**_LLAMA, "tie_word_embeddings": True}),
    "Qwen 2, sliding window": Family(
        "Qwen2 with use_sliding_window",
        "Qwen2Config",
        {**_LLAMA, "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    ),
    "Qwen 2 MoE": Family(
        "Qwen1.5-MoE, Qwen2-57B-A14B", "Qwen2MoeConfig", {**_LLAMA, **_EXPERTS, "shared_expert_intermediate_size": 32}
    ),
    "Qwen 3": Family("Qwen3 0.6B to 32B", "Qwen3Config", {**_HEADS, "tie_word_embeddings": True}),
    "Qwen 3 MoE": Family("Qwen3-30B-A3B", "Qwen3MoeConfig", {**_HEADS, **_EXPERTS}),
    "Qwen 3 Next": Family(
        "Qwen3-Next-80B-A3B",
        "Qwen3NextConfig",
        {
            **_HEADS,
            **_EXPERTS,
            "num_hidden_layers": 4,
            "shared_expert_intermediate_size": 32,
            "linear_num_value_heads": 4,
            "linear_num_key_heads": 2,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
        },
        RECURRENT,
    ),
    "Gemma": Family("Gemma 2B, 7B", "GemmaConfig", _HEADS),
    "Gemma 2": Family(
        "Gemma 2 2B, 9B",
        "Gemma2Config",
        {**_HEADS, "query_pre_attn_scalar": 16, "sliding_window": WINDOW},
        (PADDED,),
    ),
    "Gemma 3": Family(
        "Gemma 3 270M, 1B",
        "Gemma3TextConfig",
        {**_HEADS, **_SLIDING, "query_pre_attn_scalar": 16},
    ),
    "Gemma 3n text": Family("Gemma 3n E2B, E4B", "Gemma3nTextConfig", {**_HEADS, **_SHARED_CACHE}),
    "Gemma 4 text": Family("Gemma 4 E2B, E4B", "Gemma4TextConfig", {**_HEADS, **_SHARED_CACHE}),
    "Phi": Family("Phi-1.5, Phi-2", "PhiConfig", {**_LLAMA, "num_key_value_heads": 4}),
    "Phi 3 and 4": Family("Phi-3, Phi-3.5, Phi-4", "Phi3Config", {**_LLAMA, "sliding_window": WINDOW}),
    "Phi 3.5 MoE": Family("Phi-3.5-MoE", "PhimoeConfig", {**_LLAMA, **_LOCAL_EXPERTS}),
    "GPT-2": Family("GPT-2, DistilGPT-2", "GPT2Config", _GPT2),
    "GPT-NeoX": Family("Pythia, GPT-NeoX-20B", "GPTNeoXConfig", _NEOX),
    "GPT-J": Family("GPT-J-6B", "GPTJConfig", {**_GPT2, "rotary_dim": 8}),
    "GPT-Neo": Family(
        "GPT-Neo 125M to 2.7B",
        "GPTNeoConfig",
        {
            **_TOKENS,
            "hidden_size": 64,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": WINDOW,
            "max_position_embeddings": 512,
        },
    ),
    "GPTBigCode": Family("StarCoder, SantaCoder", "GPTBigCodeConfig", _GPT2),
    "OPT": Family(
        "OPT 125M to 66B",
        "OPTConfig",
        {
            **_PLAIN,
            "num_attention_heads": 4,
            "ffn_dim": 96,
            "max_position_embeddings": 512,
            "word_embed_proj_dim": 64,
            "tie_word_embeddings": False,
        },
    ),
    "Falcon, rotary": Family(
        "Falcon 7B",
        "FalconConfig",
        {**_PLAIN, "num_attention_heads": 4, "multi_query": True, "max_position_embeddings": 512},
        (PADDED,),
    ),
    "Falcon, new decoder": Family(
        "Falcon 40B, Falcon2 11B",
        "FalconConfig",
        {
            **_PLAIN,
            "num_attention_heads": 4,
            "new_decoder_architecture": True,
            "num_kv_heads": 2,
            "max_position_embeddings": 512,
        },
        (PADDED,),
    ),
    "Falcon, ALiBi": Family(
        "Falcon-RW 1B",
        "FalconConfig",
        {**_PLAIN, "num_attention_heads": 4, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
        (PADDED,),
    ),
    "Bloom": Family(
        "BLOOM, BLOOMZ",
        "BloomConfig",
        {**_TOKENS, "hidden_size": 64, "n_layer": 2, "n_head": 4, "tie_word_embeddings": False},
        (PADDED,),
    ),
    "MPT": Family(
        "MPT 7B, 30B",
        "MptConfig",
        {"vocab_size": 320, "eos_token_id": 0, "d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": 512},
        (PADDED,),
    ),
    "StarCoder 2": Family("StarCoder2 3B to 15B", "Starcoder2Config", {**_LLAMA, "sliding_window": WINDOW}),
    "StableLM": Family("StableLM 2 1.6B, 12B", "StableLmConfig", _LLAMA, (PADDED,)),
    "OLMo": Family("OLMo 1B, 7B", "OlmoConfig", _LLAMA),
    "OLMo 2": Family("OLMo 2 1B to 32B", "Olmo2Config", _LLAMA),
    "OLMo 3": Family("OLMo 3 7B, 32B", "Olmo3Config", {**_LLAMA, **_SLIDING}),
    "OLMoE": Family("OLMoE-1B-7B", "OlmoeConfig", {**_LLAMA, "num_experts": 4, "num_experts_per_tok": 2}),
    "Granite": Family(
        "Granite 3.0 to 3.3",
        "GraniteConfig",
        {**_LLAMA, "embedding_multiplier": 12.0, "attention_multiplier": 0.0625, "logits_scaling": 8.0},
    ),
    "Granite MoE": Family("Granite 3 1B-A400M", "GraniteMoeConfig", {**_LLAMA, **_LOCAL_EXPERTS}),
    "Granite MoE hybrid": Family(
        "Granite 4",
        "GraniteMoeHybridConfig",
        {**_LLAMA, **_LOCAL_EXPERTS, **_MAMBA, "shared_intermediate_size": 32, "layer_types": ["mamba", "attention"]},
        RECURRENT,
    ),
    "Cohere": Family("Command R", "CohereConfig", _LLAMA),
    "Cohere 2": Family("Command R7B, Command A", "Cohere2Config", {**_LLAMA, **_SLIDING}),
    "GLM": Family("GLM-4-9B", "GlmConfig", _HEADS),
    "GLM 4": Family("GLM-4-0414 9B, 32B", "Glm4Config", _HEADS),
    "GLM 4 MoE": Family("GLM-4.5", "Glm4MoeConfig", {**_HEADS, **_SHARED_EXPERT}),
    "DeepSeek V2": Family("DeepSeek-V2-Lite", "DeepseekV2Config", {**_LATENT, "topk_method": "greedy"}),
    "DeepSeek V3": Family("DeepSeek-V3, R1, Kimi K2", "DeepseekV3Config", _LATENT),
    "gpt-oss": Family(
        "gpt-oss 20B, 120B", "GptOssConfig", {**_HEADS, **_LOCAL_EXPERTS, "sliding_window": WINDOW}, (PADDED,)
    ),
    "SmolLM 3": Family("SmolLM3-3B", "SmolLM3Config", {**_LLAMA, "no_rope_layer_interval": 2}),
    "ERNIE 4.5": Family("ERNIE 4.5 0.3B", "Ernie4_5Config", _HEADS),
    "ERNIE 4.5 MoE": Family(
        "ERNIE 4.5 21B-A3B",
        "Ernie4_5_MoeConfig",
        {
            **_LLAMA,
            "moe_num_experts": 4,
            "moe_k": 2,
            "moe_intermediate_size": 32,
            "moe_layer_start_index": 1,
            "moe_num_shared_experts": 1,
        },
    ),
    "Hunyuan": Family("Hunyuan 0.5B to 7B", "HunYuanDenseV1Config", _HEADS),
    "Hunyuan MoE": Family("Hunyuan-A13B", "HunYuanMoEV1Config", {**_HEADS, "num_experts": 4, "moe_topk": 2}),
    "EXAONE 4": Family("EXAONE 4.0 1.2B, 32B", "Exaone4Config", {**_LLAMA, **_SLIDING}),
    "Nemotron": Family("Nemotron-4, Minitron", "NemotronConfig", _HEADS, (PADDED,)),
    "Seed-OSS": Family("Seed-OSS-36B", "SeedOssConfig", _HEADS),
    "MiniMax": Family(
        "MiniMax-Text-01",
        "MiniMaxConfig",
        {**_HEADS, **_LOCAL_EXPERTS, "block_size": WINDOW},
        RECURRENT,
    ),
    "LFM 2": Family(
        "LFM2 350M to 2.6B",
        "Lfm2Config",
        {**_LLAMA, "layer_types": ["conv", "full_attention"]},
        RECURRENT,
    ),
    "Falcon H1": Family("Falcon-H1 0.5B to 34B", "FalconH1Config", {**_LLAMA, **_MAMBA, "mamba_d_ssm": 128}, RECURRENT),
    "Mamba": Family("Mamba 130M to 2.8B", "MambaConfig", {**_PLAIN, "state_size": 8}, (*RECURRENT, NO_QLORA)),
    "Mamba 2": Family(
        "Mamba-2, Codestral Mamba",
        "Mamba2Config",
        {**_PLAIN, "state_size": 8, "num_heads": 8, "head_dim": 16, "n_groups": 1, "chunk_size": WINDOW},
        RECURRENT,
    ),
    "Jamba": Family(
        "Jamba 1.5, Jamba Reasoning 3B",
        "JambaConfig",
        {
            **_LLAMA,
            "num_experts": 2,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
            "mamba_d_state": 8,
        },
        RECURRENT,
    ),
    "Bamba": Family("Bamba 9B", "BambaConfig", {**_HEADS, **_MAMBA, "attn_layer_indices": [1]}, RECURRENT),
    "RecurrentGemma": Family(
        "RecurrentGemma 2B, 9B",
        "RecurrentGemmaConfig",
        {**_HEADS, "num_hidden_layers": 3, "lru_width": 64, "attention_window_size": WINDOW},
        RECURRENT,
    ),
    "RWKV": Family(
        "RWKV-4",
        "RwkvConfig",
        {**_PLAIN, "attention_hidden_size": 64, "context_length": 512},
        (*RECURRENT, NO_QLORA),
    ),
    "xLSTM": Family(
        "xLSTM 7B",
        "xLSTMConfig",
        {**_PLAIN, "num_heads": 4, "chunk_size": WINDOW},
        refused="the forward pass of xLSTMForCausalLM has no attention_mask and no logits_to_keep",
    ),
}

ONNX_TRIED = ("GPT-2", "Mixtral", "gpt-oss", "Falcon, rotary", "Gemma 3", "Bloom")
"""Families whose ONNX export is tested, one of each kind: it takes 10 to 30 seconds."""


def build(family: str) -> Any:
    """A random model of the family in fp32, with weights three times the usual size, so that a mistake shows.

    Tied embeddings are small instead: else every token would predict itself.
    """
    import torch
    import transformers

    config = getattr(transformers, ZOO[family].config)(**ZOO[family].settings)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        tied = model.get_input_embeddings().weight if model.config.tie_word_embeddings else None
        for weight in model.parameters():
            if weight is tied:
                weight.mul_(0.05)
            elif weight.dim() > 1:
                weight.mul_(3)
            else:
                weight.add_(torch.randn_like(weight), alpha=0.1)
    return model


def save(family: str, folder: Path) -> Path:
    """Save the family's model and a tokenizer into `folder` and return it; takes a tenth of a second."""
    build(family).save_pretrained(folder)
    make_tiny_tokenizer().save_pretrained(folder)
    return folder


PAGE = Path("docs/reference/models.md")
HEAD = """# Model architectures

What the platform does with each family of causal language models that transformers can build. `tests/models` trains and
decodes a small random model of each, with sliding windows and chunks shorter than its documents, and compares it with
plain transformers, one document at a time: loss and gradients of full training, LoRA and QLoRA (all-linear), greedy
answers in batches of different lengths, and an adapter in every form (served over its base, loaded by peft, merged).
`make reference` writes this page.

- **supported**: everything is equal.
- **limited**: equal too, with the named limit.
  - *padded only*: rows are padded to micro-batches of similar lengths instead of packed end to end, since this model's
    layers would mix packed documents, or have an attention of their own. Training takes longer where lengths differ.
  - *slow decoding*: answers are computed without a KV cache, because the model has none, or a trial with one failed or
    gave other answers (recurrent states, for instance, cannot be padded). An evaluation or a chat takes many times
    longer.
  - *no ONNX*: the export is refused, because its cache of keys and values cannot hold this model's states.
  - *no QLoRA*: a trial step with quantized weights fails, and the job says so before it trains.
- **refused**: at registration, with the reason.

No list in the code names these families: a model is tried with ordinary tokens of its own vocabulary, whatever its
family (training/engine/model/trials.py, shared/engine/decoding/generate.py). What is tried, and when:

- At registration, a model of up to 150 million parameters, in fp32 on the CPU: that later tokens do not change the
  predictions of earlier ones (else it is refused), that documents in a batch do not see each other, packed or padded,
  and give the losses and gradients of separate ones, and that decoding with a KV cache gives the answers without it.
  Its limits are warnings. A larger model is registered without these trials.
- In each job, with the job's method and precision: the same of causality and padded rows, and of packed ones for SFT.
- In each evaluation, chat and server: the same of decoding with a KV cache.

For a family that is not listed here, nothing else has been compared: `tests/models` has not trained adapters of it,
served them or merged them.

ONNX is exported and compared with onnxruntime for some families, one of each kind (`make test-models`): GPT-2, Mixtral,
gpt-oss, Falcon, Gemma 3 and Bloom. In every other family, too, an export is only delivered if its answers are equal.

Four families (Qwen 3, Mixtral, Gemma 3, Mamba 2) are also stored in bf16 and in shards, and trained with LoRA
by the whole engine: a job that is killed after a checkpoint ends with the same bits as one that was not.

In all families, dropout and router noise of the base's configuration are off in training (`lora.dropout` sets that of
the adapters), and "all-linear" adapts the experts of a mixture too, but not its router.
"""


def render() -> str:
    """Return the page."""
    outcomes = [_outcome(entry) for entry in ZOO.values()]
    counts = ", ".join(
        f"{sum(o.startswith(kind) for o in outcomes)} {kind}" for kind in ("supported", "limited", "refused")
    )
    rows = [
        f"| {name} | `{entry.config.removesuffix('Config')}` | {entry.models} | {outcome} |"
        for (name, entry), outcome in zip(ZOO.items(), outcomes, strict=True)
    ]
    return "\n".join(
        [
            HEAD,
            f"{len(ZOO)} families: {counts}.",
            "",
            "| Family | In transformers | Such as | Outcome |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _outcome(entry: Family) -> str:
    if entry.refused:
        return f"refused: {entry.refused}"
    return f"limited: {', '.join(entry.limits)}" if entry.limits else "supported"


def main() -> None:
    """Write the page, or with --check exit with a message where it is out of date."""
    write_or_check(PAGE, render())


if __name__ == "__main__":
    main()
