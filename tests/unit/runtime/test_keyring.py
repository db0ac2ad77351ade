"""Callers' secrets are encrypted under keys that only their service can derive, and stay readable while keys change."""

import pytest

from shared.runtime.errors import Misconfigured
from shared.runtime.http.principal import Bound, Principal, Signer, Unauthenticated, Verifier
from shared.runtime.keyring import Keyring, SecretUnreadable, service_secret

ROOT, NEXT = "a" * 64, "b" * 64


def test_encrypted_secret_is_readable_for_its_service_and_document_only() -> None:
    stored = Keyring(ROOT).encrypt("dataset", "imp_1", "hf_token")
    assert "hf_token" not in stored
    assert stored != Keyring(ROOT).encrypt("dataset", "imp_1", "hf_token")
    assert Keyring(ROOT).decrypt("dataset", "imp_1", stored) == "hf_token"
    changed = stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:]
    for keyring, service, id, text in (
        (Keyring(NEXT), "dataset", "imp_1", stored),
        (Keyring(ROOT), "training", "imp_1", stored),
        (Keyring(ROOT), "dataset", "imp_2", stored),
        (Keyring(ROOT), "dataset", "imp_1", changed),
        (Keyring(ROOT), "dataset", "imp_1", "hf_stored_before_encryption"),
    ):
        with pytest.raises(SecretUnreadable):
            keyring.decrypt(service, id, text)


def test_previous_secret_is_read_and_not_written_with() -> None:
    stored = Keyring(ROOT).encrypt("dataset", "imp_1", "hf_token")
    both = Keyring(NEXT, ROOT)
    assert both.decrypt("dataset", "imp_1", stored) == "hf_token"
    assert Keyring(NEXT).decrypt("dataset", "imp_1", both.encrypt("dataset", "imp_1", "new")) == "new"
    request = Bound("GET", "/datasets", b"")
    token = Signer(Keyring(ROOT)).sign(Principal("key_1"), "dataset", request)
    assert Verifier(both, "dataset").verify(token, request)[0].subject == "key_1"
    with pytest.raises(Unauthenticated):
        Verifier(Keyring(NEXT), "dataset").verify(token, request)


def test_secret_of_one_service_serves_no_other() -> None:
    own = Keyring(service_secret(ROOT, "dataset"))
    request = Bound("GET", "/datasets", b"")
    token = Signer(Keyring(ROOT)).sign(Principal("key_1"), "dataset", request)
    assert Verifier(own, "dataset").verify(token, request)[0].subject == "key_1"
    assert own.decrypt("dataset", "imp_1", Keyring(ROOT).encrypt("dataset", "imp_1", "hf_token")) == "hf_token"
    with pytest.raises(Misconfigured, match="secret of the service dataset"):
        own.keys("training", "principals")


def test_a_service_calls_another_by_a_key_for_these_calls_alone() -> None:
    caller, called = Keyring(service_secret(ROOT, "evaluation")), Keyring(service_secret(ROOT, "inference"))
    signer, verifier = Signer(caller, "evaluation"), Verifier(called, "inference")
    allowed = Bound("POST", "/v1/chat/completions", b"")
    for both in (signer, Signer(Keyring(ROOT), "evaluation")):
        assert verifier.verify(both.sign(Principal("anneal/evaluation"), "inference", allowed), allowed)
    for refused in (Bound("GET", "/v1/chat/completions", b""), Bound("DELETE", "/deployments/dep_1", b"")):
        with pytest.raises(Unauthenticated):
            verifier.verify(signer.sign(Principal("anneal/evaluation"), "inference", refused), refused)
    own = Signer(Keyring(service_secret(ROOT, "inference"))).sign(Principal("x"), "inference", allowed)
    with pytest.raises(Unauthenticated):
        Verifier(caller, "evaluation").verify(own, allowed)
    with pytest.raises(Misconfigured, match="secret of the service evaluation"):
        caller.keys("inference", "principals")
    before = service_secret(ROOT, "evaluation").rpartition(":inference:")[0]
    with pytest.raises(Misconfigured, match="no key for its calls of inference"):
        Signer(Keyring(before), "evaluation").sign(Principal("x"), "inference", allowed)


def test_a_previous_secret_without_a_key_for_calls_does_not_end_them() -> None:
    """It was printed by a version whose services called no other."""
    own = service_secret("now", "evaluation")
    former = ":".join(service_secret("before", "evaluation").split(":")[:3])
    assert len(Keyring(own, former).call_keys("evaluation", "inference")) == 1
    with pytest.raises(Misconfigured, match="no key"):
        Keyring(former).call_keys("evaluation", "inference")
