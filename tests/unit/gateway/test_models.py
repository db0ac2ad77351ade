"""The gateway's entities."""

from datetime import timedelta
from typing import Any

import pytest

from services.gateway.models import Key, TrackedResource
from shared.documents.entities import now
from shared.runtime.http.principal import Forbidden, Principal
from shared.runtime.http.routes import require_scope


def key(**members: Any) -> Key:
    return Key(id="k", project="p", digest="d", subject="k", scopes=["read"], name="n", hint="h", **members)


def test_a_key_is_active_until_it_expires_or_is_revoked() -> None:
    assert key().active
    assert key(expires_at=now() + timedelta(minutes=1)).active
    assert not key(expires_at=now() - timedelta(seconds=1)).active
    revoked = key()
    revoked.revoke()
    first = revoked.revoked_at
    revoked.revoke()
    assert not revoked.active
    assert revoked.revoked_at == first


def test_unknown_scope_grants_nothing() -> None:
    require_scope(Principal("s", "p", ("write",)), "read")
    for scopes in ((), ("everything",), ("infer",)):
        with pytest.raises(Forbidden):
            require_scope(Principal("s", "p", scopes), "read")


def tracked_job(state: str, sequence: int = -1) -> TrackedResource:
    return TrackedResource(id="t", project="p", kind="job", state=state, sequence=sequence)


def test_older_event_changes_nothing() -> None:
    job = tracked_job("unknown")
    job.apply("succeeded", 9, "tuned", {"model_id": "m"})
    job.apply("queued", 1, None, {})
    assert (job.state, job.sequence, job.name, job.links) == ("succeeded", 9, "tuned", {"model_id": "m"})


def test_newest_name_stays_whatever_arrives_later() -> None:
    """A model's other events have the sequence of its job."""
    model = tracked_job("unknown")
    model.rename("third", 3)
    model.rename("second", 2)
    model.apply("ready", 12, "first", {})
    assert (model.state, model.name) == ("ready", "third")
    model.rename("fourth", 4)
    assert (model.name, model.sequence) == ("fourth", 12)


def test_a_deletion_is_final() -> None:
    dataset = tracked_job("unknown")
    dataset.apply("deleted", 3, None, {})
    dataset.apply("ready", 9, "late", {})
    assert dataset.state == "deleted"


def test_a_rejected_upload_does_not_replace_a_dataset() -> None:
    """The sequence of a rejection is the version of the upload, not of the dataset."""
    dataset = tracked_job("unknown")
    dataset.apply("rejected", 7, "faq", {})
    assert (dataset.state, dataset.name) == ("rejected", "faq")
    dataset.apply("ready", 2, "faq", {})
    dataset.apply("rejected", 9, "faq", {})
    assert dataset.state == "ready"
    dataset.apply("deleted", 3, None, {})
    dataset.apply("rejected", 9, "faq", {})
    assert dataset.state == "deleted"


def test_a_late_broadcast_does_not_replace_a_final_state() -> None:
    job = tracked_job("queued", 1)
    job.apply_progress("running")
    assert job.state == "running"
    job.apply_progress("succeeded")
    assert job.state == "running", "final states come from durable events only"
    job.apply("succeeded", 5, None, {})
    job.apply_progress("running")
    assert job.state == "succeeded"
