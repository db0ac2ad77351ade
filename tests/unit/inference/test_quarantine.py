"""Who is served again after an engine was lost, and which model is not."""

from collections.abc import AsyncIterator, Sequence

import pytest

from services.inference.errors import EngineLost, ModelQuarantined
from services.inference.protocol import Started, TextDelta
from services.inference.quarantine import Quarantine
from services.inference.retry import retry_unstarted
from services.inference.supervisor import STARTING, stall_limit

STARTED, TEXT = Started(3), TextDelta(0, "hi")
Attempt = Sequence[Started | TextDelta]


async def collected(*attempts: Attempt) -> list[Started | TextDelta]:
    """Retry over attempts of which all but the last end with a lost engine."""
    remaining = list(attempts)

    async def generate() -> AsyncIterator[Started | TextDelta]:
        attempt = remaining.pop(0)
        for message in attempt:
            yield message
        if remaining:
            raise EngineLost("lost")

    return [message async for message in retry_unstarted(generate)]


@pytest.mark.parametrize("lost", [[], [STARTED]])
async def test_a_request_without_text_is_sent_again_once(lost: Attempt) -> None:
    assert await collected(lost, [STARTED, TEXT]) == [STARTED, TEXT]
    with pytest.raises(EngineLost):
        await collected(lost, lost, [STARTED, TEXT])


async def test_a_request_with_text_is_not_sent_again() -> None:
    with pytest.raises(EngineLost):
        await collected([STARTED, TEXT], [STARTED, TEXT])


def test_a_model_is_refused_after_a_hang_and_after_a_second_crash() -> None:
    quarantine = Quarantine()
    quarantine.report_hang(["a"], 60)
    quarantine.report_crash(["b"], "signal 11")
    quarantine.require_free("b")
    quarantine.report_crash(["b"], "signal 11")
    for uri, reason in (("a", "did not answer"), ("b", "crashed twice")):
        with pytest.raises(ModelQuarantined, match=reason) as raised:
            quarantine.require_free(uri)
        assert 0 < int(raised.value.headers["Retry-After"]) <= 600
        assert raised.value.remedy
        quarantine.release(uri)
        quarantine.require_free(uri)
    quarantine.require_free("c")


def test_a_quarantine_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    quarantine = Quarantine()
    monkeypatch.setattr("services.inference.quarantine.QUARANTINE_S", 0.0)
    quarantine.report_hang(["a"], 60)
    quarantine.require_free("a")


@pytest.mark.parametrize(
    ("computing", "longest_s", "limit_s"),
    [
        (STARTING, 0, 60),
        ({"models": ["m"], "weight_bytes": 1_000_000_000}, 0, 160),
        ({"models": []}, 0, 10),
        ({"models": ["m"]}, 0.5, 10),
        ({"models": ["m"]}, 4, 40),
        ({"models": ["m"]}, 30, 60),
        ({"models": ["m"], "prompt_tokens": 64}, 0, 10.64),
        ({"models": ["m"], "prompt_tokens": 30_000}, 0, 310),
    ],
)
def test_silence_is_limited_by_what_is_computed_and_by_the_pace(
    computing: dict[str, object], longest_s: float, limit_s: float
) -> None:
    assert stall_limit(computing, longest_s) == limit_s
