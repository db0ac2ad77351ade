"""Whether vLLM can serve a model as an adapter is known before it is trained."""

from typing import Any

import pytest

from services.inference.vllm import server as vllm_server
from services.training.jobs.vllm_serving import MAX_RANK, predict_serving

PLAIN = {"rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": "all-linear"}


@pytest.mark.parametrize("lora", [PLAIN, {**PLAIN, "rank": MAX_RANK, "targets": ["q_proj", "layers.0.mlp.up_proj"]}])
def test_plain_adapter_is_served_as_adapter(lora: dict[str, Any]) -> None:
    assert predict_serving("qlora", lora, "full").form == "adapter"


@pytest.mark.parametrize(
    ("change", "base", "reason", "remedy"),
    [
        ({"rank": 65}, "full", "rank 65", "lora.rank to 64"),
        ({"targets": ["q_proj", "lm_head"]}, "full", "lm_head", "all-linear"),
        ({"targets": ["model.embed_tokens"]}, "full", "embed_tokens", "all-linear"),
        ({}, "adapter", "itself an adapter", "full model"),
    ],
)
def test_unsupported_adapter_is_merged_with_a_reason(
    change: dict[str, Any], base: str, reason: str, remedy: str
) -> None:
    served = predict_serving("lora", {**PLAIN, **change}, base)
    assert served.form == "merged"
    assert reason in (served.reason or "")
    assert remedy in (served.remedy or "")


def test_full_model_is_served_in_full() -> None:
    assert predict_serving("full", None, "full").form == "full"


def test_max_rank_equals_that_of_the_server() -> None:
    assert MAX_RANK == vllm_server.MAX_LORA_RANK
