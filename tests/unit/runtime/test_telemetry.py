"""Which trace something belongs to, without an exporter: contexts come from requests and documents all the same."""

import pytest

from shared.runtime.telemetry.tracing import context_of, continuing, nearest, trace_id, traceparent, unrecorded, within

REQUEST = f"00-{'1' * 32}-{'2' * 16}-01"
ORIGIN = f"00-{'3' * 32}-{'4' * 16}-01"
UNRECORDED = f"00-{'3' * 32}-{'4' * 16}-00"


def test_event_belongs_to_its_subjects_trace() -> None:
    with within(context_of(REQUEST)):
        assert nearest(ORIGIN) == ORIGIN
        assert nearest(None) == REQUEST
    assert nearest(ORIGIN) == ORIGIN
    assert nearest(None) is None


def test_event_is_a_child_of_the_current_span_in_its_subjects_trace() -> None:
    inside = ORIGIN.replace("4" * 16, "5" * 16)
    with within(context_of(inside)):
        assert nearest(ORIGIN) == inside


def test_work_continues_the_trace_of_its_object() -> None:
    with within(context_of(REQUEST)):
        assert continuing(ORIGIN, "submit") == ORIGIN


@pytest.mark.parametrize("origin", [None, UNRECORDED, REQUEST])
def test_work_stays_in_its_requests_trace_if_the_origin_was_not_sampled(origin: str | None) -> None:
    with within(context_of(REQUEST)):
        assert continuing(origin, "submit") == REQUEST


def test_unrecorded_operations_keep_the_trace_id() -> None:
    with within(context_of(REQUEST)), unrecorded():
        assert trace_id() == "1" * 32
        assert traceparent() == REQUEST.removesuffix("01") + "00"
