"""What the charts show besides the loss."""

from services.training.engine.loop.metrics import CachedReader


def test_a_gauge_is_read_again_only_once_its_figures_are_a_second_old() -> None:
    times, reads = iter((0.0, 0.4, 0.99, 1.0, 1.5)), iter((1.0, 2.0))
    gauge = CachedReader(lambda: {"watts": next(reads)}, clock=lambda: next(times))
    assert [gauge()["watts"] for _ in range(5)] == [1.0, 1.0, 1.0, 2.0, 2.0]
