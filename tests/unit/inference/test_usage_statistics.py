"""A model's last minute."""

from services.inference.protocol import Begun, Text
from services.inference.usage_statistics import WINDOW, Figure, Figures


def test_the_last_minute_by_model() -> None:
    clock = [100.0]
    figures = Figures(lambda: clock[0])
    for wait in (0.5, 1.5, 1.0):
        with figures.request("a") as note:
            note(Begun(7))
            clock[0] += wait
            note(Text(0, "Hel"))
            clock[0] += 5
            note(Text(0, "lo", "stop", tokens=20))
    assert figures.of("a") == Figure(3 / WINDOW, 60 / WINDOW, 1.0)
    assert figures.of("b") == Figure()
    clock[0] += WINDOW - 1
    assert figures.of("a").requests_per_second == 1 / WINDOW
    clock[0] += 2
    assert figures.of("a") == Figure()


def test_a_request_that_was_left_counts_without_tokens() -> None:
    figures = Figures()
    with figures.request("a"):
        pass
    assert figures.of("a") == Figure(1 / WINDOW, 0.0, None)
