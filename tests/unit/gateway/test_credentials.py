"""Secrets: strong, verified by their whole digest, from a bounded cache that forgets within seconds."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.gateway.auth import credentials
from services.gateway.auth.credentials import Credentials, digest_of, generate_secret
from services.gateway.models import Session
from shared.documents.entities import EntityStore
from shared.documents.local import LocalDocuments
from shared.runtime.http.principal import Principal, Unauthenticated

CALLER = Principal("key_1", "p", ("read",))
DAY = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EntityStore[Session]]:
    documents = LocalDocuments(tmp_path / "documents.sqlite")
    collection = await documents.collection("gateway.sessions")
    yield EntityStore(collection, Session, service="gateway", kick=lambda: None)
    await documents.close()


def replica(store: EntityStore[Session]) -> Credentials[Session]:
    return Credentials(store, Session, "session")


def test_secrets_have_256_bits() -> None:
    made = {generate_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.urlsafe_b64decode(secret.removeprefix("anneal_") + "=")) for secret in made} == {256 // 8}


async def test_secret_is_verified_by_its_whole_digest(store: EntityStore[Session]) -> None:
    here, token = replica(store), generate_secret()
    issued = await here.issue(CALLER, DAY, token)
    assert issued.id == f"session_{digest_of(token)[:20]}"  # as earlier releases have stored it
    assert (await here.verify(token)).principal() == CALLER
    await here.verify_subject(issued.id)
    await here.verify_subject("key_1")  # of another kind
    await store.change(issued.id, lambda found: setattr(found, "digest", digest_of(token)[:20] + "0" * 44))
    for refused in (replica(store).verify(token), here.redeem(token), here.verify(generate_secret())):
        with pytest.raises(Unauthenticated):
            await refused


@pytest.mark.parametrize("lifetime", [None, DAY])
async def test_one_time_secret_is_redeemed_once(store: EntityStore[Session], lifetime: timedelta | None) -> None:
    here, token = replica(store), generate_secret()
    await here.issue(CALLER, lifetime, token)
    assert (await here.redeem(token)).principal() == CALLER
    with pytest.raises(Unauthenticated):
        await here.redeem(token)


async def test_expired_or_revoked_secret_is_neither_verified_nor_redeemed(store: EntityStore[Session]) -> None:
    here, expired, revoked = replica(store), generate_secret(), generate_secret()
    await here.issue(CALLER, -DAY, expired)
    await here.revoke((await here.issue(CALLER, DAY, revoked)).id)
    for token in (expired, revoked):
        id = f"session_{digest_of(token)[:20]}"
        for refused in (here.verify(token), here.verify_subject(id), here.redeem(token)):
            with pytest.raises(Unauthenticated):
                await refused
    await here.delete_expired()
    assert [found.digest for found in await store.find()] == [digest_of(revoked)]


async def test_all_secrets_of_a_subject_are_revoked(store: EntityStore[Session]) -> None:
    here, other = replica(store), Principal("key_2", "p", ("read",))
    tokens = [generate_secret() for _ in range(3)]
    for caller, token in zip((CALLER, CALLER, other), tokens, strict=True):
        await here.issue(caller, DAY, token)
    assert {(await here.verify(token)).active for token in tokens} == {True}
    await here.revoke_of("key_1")
    assert [found.subject for found in await store.find({"revoked_at": None})] == ["key_2"]


async def test_revoked_secret_is_refused_here_at_once_and_by_replicas_within_seconds(
    store: EntityStore[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(credentials, "time", clock)
    here, elsewhere, token = replica(store), replica(store), generate_secret()
    issued = await here.issue(CALLER, None, token)
    assert await here.verify(token) == await elsewhere.verify(token)
    await here.revoke(issued.id)
    with pytest.raises(Unauthenticated):
        await here.verify(token)
    clock.now += 4.9
    await elsewhere.verify(token)  # without a query
    clock.now += 0.2
    with pytest.raises(Unauthenticated):
        await elsewhere.verify(token)


async def test_cache_is_bounded(store: EntityStore[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "CACHE_SIZE", 2)
    here = replica(store)
    cached = []
    for token in (generate_secret() for _ in range(5)):
        await here.issue(CALLER, DAY, token)
        await here.verify(token)
        cached.append(len(here._verified))
    assert cached == [1, 2, 1, 2, 1]
