"""Which trace something belongs to, without an exporter: contexts come from requests and documents all the same."""

import pytest

from shared.runtime.telemetry.tracing import context_of, continuing, nearest, trace_id, traceparent, unrecorded, within

REQUEST = f"00-{'1' * 32}-{'2' * 16}-01"
ORIGIN = f"00-{'3' * 32}-{'4' * 16}-01"
UNRECORDED = f"00-{'3' * 32}-{'4' * 16}-00"


def test_an_event_is_of_the_trace_that_its_subject_keeps() -> None:
    with within(context_of(REQUEST)):
        assert nearest(ORIGIN) == ORIGIN
        assert nearest(None) == REQUEST
    assert nearest(ORIGIN) == ORIGIN
    assert nearest(None) is None


def test_an_event_hangs_below_the_current_span_of_its_subjects_trace() -> None:
    inside = ORIGIN.replace("4" * 16, "5" * 16)
    with within(context_of(inside)):
        assert nearest(ORIGIN) == inside


def test_work_goes_on_in_the_trace_of_what_it_is_done_on() -> None:
    with within(context_of(REQUEST)):
        assert continuing(ORIGIN, "submit") == ORIGIN


@pytest.mark.parametrize("origin", [None, UNRECORDED, REQUEST])
def test_work_stays_in_its_request_where_there_is_no_other_recorded_trace(origin: str | None) -> None:
    with within(context_of(REQUEST)):
        assert continuing(origin, "submit") == REQUEST


def test_what_is_not_recorded_still_belongs_to_the_trace() -> None:
    with within(context_of(REQUEST)), unrecorded():
        assert trace_id() == "1" * 32
        assert traceparent() == REQUEST.removesuffix("01") + "00"
