"""Usage statistics of the last minute."""

from services.inference.protocol import Started, TextDelta
from services.inference.usage_statistics import WINDOW_S, ModelUsage, UsageStatistics


def test_statistics_cover_the_last_minute_per_model() -> None:
    clock = [100.0]
    statistics = UsageStatistics(lambda: clock[0])
    for wait in (0.5, 1.5, 1.0):
        with statistics.request("a") as observe:
            observe(Started(7))
            clock[0] += wait
            observe(TextDelta(0, "Hel"))
            clock[0] += 5
            observe(TextDelta(0, "lo", "stop", tokens=20))
    assert statistics.of("a") == ModelUsage(3 / WINDOW_S, 60 / WINDOW_S, 1.0)
    assert statistics.of("b") == ModelUsage()
    clock[0] += WINDOW_S - 1
    assert statistics.of("a").requests_per_second == 1 / WINDOW_S
    clock[0] += 2
    assert statistics.of("a") == ModelUsage()


def test_a_cancelled_request_counts_without_tokens() -> None:
    statistics = UsageStatistics()
    with statistics.request("a"):
        pass
    assert statistics.of("a") == ModelUsage(1 / WINDOW_S, 0.0, None)
