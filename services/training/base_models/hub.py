"""Well-known models of the Hugging Face hub, and whether its endpoint is reachable. Nothing is downloaded here."""

import time
from dataclasses import dataclass

import httpx

CONNECT_TIMEOUT_S = 2.0
CACHE_S = 60.0
"""How long a result about the endpoint is used."""


@dataclass(frozen=True)
class KnownModel:
    """A popular base model; for a `gated` one, its owner must grant access."""

    hub_id: str
    parameters: int
    context_length: int
    gated: bool = False


WELL_KNOWN = (
    KnownModel("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008, 8_192),
    KnownModel("openai-community/gpt2", 137_022_720, 1_024),
    KnownModel("HuggingFaceTB/SmolLM2-360M-Instruct", 361_821_120, 8_192),
    KnownModel("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768, 32_768),
    KnownModel("Qwen/Qwen3-0.6B", 751_632_384, 40_960),
    KnownModel("google/gemma-3-1b-it", 999_885_952, 32_768, gated=True),
    KnownModel("meta-llama/Llama-3.2-1B-Instruct", 1_235_814_400, 131_072, gated=True),
    KnownModel("Qwen/Qwen3-1.7B", 2_031_739_904, 40_960),
    KnownModel("HuggingFaceTB/SmolLM3-3B", 3_075_098_624, 65_536),
    KnownModel("microsoft/Phi-4-mini-instruct", 3_836_021_760, 131_072),
    KnownModel("Qwen/Qwen3-4B-Instruct-2507", 4_022_468_096, 262_144),
    KnownModel("mistralai/Mistral-7B-Instruct-v0.3", 7_248_023_552, 32_768),
    KnownModel("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248, 131_072, gated=True),
    KnownModel("Qwen/Qwen3-8B", 8_190_735_360, 40_960),
)
"""Parameters as counted in their weight files; smallest first."""


class Hub:
    """The endpoint that models are downloaded from."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._checked_at, self._reachable = -CACHE_S, False

    async def reachable(self) -> bool:
        """Whether the endpoint answers within two seconds; checked at most once a minute."""
        if time.monotonic() - self._checked_at >= CACHE_S:
            self._reachable = await self._check()
            self._checked_at = time.monotonic()
        return self._reachable

    async def _check(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=CONNECT_TIMEOUT_S) as client:
                await client.head(self.endpoint)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return True
