"""Metrics other than the loss."""

from services.training.engine.loop.metrics import CachedReader


def test_cached_reader_reads_again_after_one_second() -> None:
    times, reads = iter((0.0, 0.4, 0.99, 1.0, 1.5)), iter((1.0, 2.0))
    reader = CachedReader(lambda: {"watts": next(reads)}, clock=lambda: next(times))
    assert [reader()["watts"] for _ in range(5)] == [1.0, 1.0, 1.0, 2.0, 2.0]
