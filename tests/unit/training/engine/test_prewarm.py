"""The forkserver's prewarm fills caches and does not affect the runs that follow."""

import torch

from services.training.engine.loop import provenance
from services.training.engine.train import prewarm


def test_prewarm_fills_caches_and_draws_no_random_numbers() -> None:
    provenance.versions.cache_clear()
    before = torch.get_rng_state()
    prewarm()
    assert provenance.versions.cache_info().currsize == 1
    assert torch.equal(torch.get_rng_state(), before)
