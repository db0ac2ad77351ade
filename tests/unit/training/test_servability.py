"""What vLLM cannot serve as an adapter is known before it is trained."""

from typing import Any

import pytest

from services.inference.vllm import server as vllm_server
from services.training.jobs.servability import MOST_RANK, serving

PLAIN = {"rank": 16, "alpha": 32.0, "dropout": 0.0, "targets": "all-linear"}


@pytest.mark.parametrize("lora", [PLAIN, {**PLAIN, "rank": MOST_RANK, "targets": ["q_proj", "layers.0.mlp.up_proj"]}])
def test_plain_adapters_share_their_base(lora: dict[str, Any]) -> None:
    assert serving("qlora", lora, "full").form == "adapter"


@pytest.mark.parametrize(
    ("change", "base", "reason", "remedy"),
    [
        ({"rank": 65}, "full", "rank 65", "lora.rank to 64"),
        ({"targets": ["q_proj", "lm_head"]}, "full", "lm_head", "all-linear"),
        ({"targets": ["model.embed_tokens"]}, "full", "embed_tokens", "all-linear"),
        ({}, "adapter", "itself an adapter", "full model"),
    ],
)
def test_others_are_merged_and_say_why(change: dict[str, Any], base: str, reason: str, remedy: str) -> None:
    told = serving("lora", {**PLAIN, **change}, base)
    assert told.form == "merged"
    assert reason in (told.reason or "")
    assert remedy in (told.remedy or "")


def test_full_weights_are_served_as_they_are() -> None:
    assert serving("full", None, "full").form == "full"


def test_the_rank_is_the_one_that_the_server_is_started_for() -> None:
    assert MOST_RANK == vllm_server.MAX_LORA_RANK
