"""Addresses that callers name lead to the public internet, or to what the operator allows, however they are written."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import huggingface_hub.constants as hub_constants
import pytest
import urllib3
from huggingface_hub.errors import HfHubHTTPError

from shared.blobs.checked_connections import checked_pools
from shared.engine.hub import hub_errors, hub_network
from shared.engine.process.protocol import EngineError
from shared.runtime.http.addresses import AddressPolicy, AddressRefused, SourceUnreachable, is_public
from shared.runtime.http.outbound import RESOLVER_THREADS, outbound_client
from tests.support.web_files import WebFiles, run_web_files

METADATA_SERVICE = "169.254.169.254"
LOCAL = AddressPolicy(("127.0.0.1",))


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with run_web_files() as running:
        running.files["/a.csv"] = b"x"
        yield running


@pytest.fixture
def inner() -> Iterator[WebFiles]:
    with run_web_files() as running:
        running.files["/a.csv"] = b"secret of the inside"
        yield running


def urllib3_get(policy: AddressPolicy, url: str) -> bytes:
    pools = urllib3.PoolManager(retries=2)
    pools.pool_classes_by_scheme = checked_pools(policy)
    return pools.request("GET", url).data


async def httpx_get(policy: AddressPolicy, url: str) -> bytes:
    async with outbound_client(policy) as client:
        return (await client.get(url)).content


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.0.1", "127.0.0.1", "100.64.0.1", METADATA_SERVICE, "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "192.88.99.1"),
        *("::", "::1", "fd00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1"),
        *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2001:0:a00:1::1", "2001:db8::1", "100::1"),
        *("::ffff:0:7f00:1", "::ffff:0:5db8:d80e"),
        *("", "localhost", "0x7f.1"),
    ],
)
def test_special_addresses_and_those_that_embed_another_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_internet_addresses_are_public() -> None:
    assert all(map(is_public, ("93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14")))


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "[::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", METADATA_SERVICE, "2852039166"),
    ],
)
async def test_no_spelling_of_a_private_address_is_reached(host: str) -> None:
    """Not even where the operator allows one spelling of it."""
    for get in (httpx_get(LOCAL, f"https://{host}/a"), httpx_get(LOCAL, f"https://user:word@{host}:8443/a")):
        with pytest.raises((AddressRefused, httpx.InvalidURL)):
            await get
    with pytest.raises(AddressRefused, match="private network"):
        urllib3_get(LOCAL, f"https://{host}/a")


async def test_allowed_host_is_reached_on_the_allowed_port_only(web: WebFiles, inner: WebFiles) -> None:
    policy = AddressPolicy((web.url.removeprefix("http://"),))
    assert (await httpx_get(policy, f"{web.url}/a.csv"), urllib3_get(policy, f"{web.url}/a.csv")) == (b"x", b"x")
    with pytest.raises(AddressRefused, match="http://127"):
        await httpx_get(policy, f"{inner.url}/a.csv")
    with pytest.raises(AddressRefused):
        urllib3_get(policy, f"{inner.url}/a.csv")
    assert inner.requests == []
    with pytest.raises(SourceUnreachable):
        await httpx_get(LOCAL, "https://no-such-host.invalid/a")


async def test_redirect_is_checked_again(web: WebFiles, inner: WebFiles) -> None:
    port = inner.url.rpartition(":")[2]
    for host in ("localhost", "2130706433", "[::ffff:127.0.0.1]"):
        web.redirects["/away"] = f"http://{host}:{port}/a.csv"
        with pytest.raises(AddressRefused):
            await httpx_get(LOCAL, f"{web.url}/away")
        with pytest.raises(AddressRefused):
            urllib3_get(LOCAL, f"{web.url}/away")
    assert inner.requests == []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A resolver under an attacker's control: for each name, its answers one after the other; the last one stays."""
    answers: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in answers:
            return real(host, port, *args, **options)
        found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


async def test_name_that_changes_its_address_is_connected_to_at_the_checked_one(
    web: WebFiles, names: dict[str, list[list[str]]]
) -> None:
    port = web.url.rpartition(":")[2]
    policy = AddressPolicy(("Files.test",))
    for get in (httpx_get, urllib3_get):
        names["files.test"] = [["127.0.0.1"], ["127.0.0.9"]]  # nothing listens at the second one
        body = get(policy, f"http://files.test:{port}/a.csv")
        assert (body if isinstance(body, bytes) else await body) == b"x"


async def test_name_server_without_answers_holds_no_threads_of_others(
    web: WebFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, real = threading.Event(), socket.getaddrinfo

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        if host == "slow.test":
            answered.wait()
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with outbound_client(LOCAL) as slow:
        waiting = [asyncio.create_task(slow.get("https://slow.test/")) for _ in range(RESOLVER_THREADS)]
        try:
            async with asyncio.timeout(60):
                assert await httpx_get(LOCAL, f"{web.url}/a.csv") == b"x"
                assert await asyncio.to_thread(lambda: "free") == "free"
            assert not any(task.done() for task in waiting)
        finally:
            answered.set()
            await asyncio.gather(*waiting, return_exceptions=True)


async def test_name_with_one_private_address_is_refused(names: dict[str, list[list[str]]]) -> None:
    names["half.test"] = [["93.184.215.14", METADATA_SERVICE]]
    with pytest.raises(AddressRefused):
        await httpx_get(LOCAL, "https://half.test/")


@pytest.mark.parametrize("host", ["other.test", "inner.test.evil.test", "eviltest"])
async def test_only_the_operators_hosts_are_reached_where_they_are_listed(
    names: dict[str, list[list[str]]], host: str
) -> None:
    policy = AddressPolicy(("127.0.0.1",), only=("Files.test", "*.inner.test", "hooks.test:8443"))
    names |= {name: [["93.184.215.14"]] * 2 for name in (host, "files.test", "a.inner.test", "hooks.test")}
    assert policy.resolve("https", "files.test", 443) == "93.184.215.14"
    assert policy.resolve("https", "A.inner.test", 443) == "93.184.215.14"
    assert policy.resolve("https", "hooks.test", 8443) == "93.184.215.14"
    for refused, port in ((host, 443), ("hooks.test", 443), ("inner.test", 443), ("93.184.215.14", 443)):
        with pytest.raises(AddressRefused) as raised:
            policy.resolve("https", refused, port)
        assert raised.value.limit == "ANNEAL_OUTBOUND_HOSTS"
    assert policy.resolve("http", "127.0.0.1", 80) == "127.0.0.1", "a private host that the operator allows"


def test_hub_download_resolves_only_the_operators_hosts_where_they_are_listed(
    web: WebFiles, inner: WebFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET"):  # restored after the test
        monkeypatch.setattr(hub_constants, name, getattr(hub_constants, name))
    with hub_network(web.url, [], ["*.cdn.test"]):
        assert httpx.get(f"{web.url}/a.csv").content == b"x"
        for url in ("https://example.test", "https://93.184.215.14"):
            with pytest.raises(EngineError) as refused:
                httpx.get(f"{url}/a.csv", timeout=5)
            assert refused.value.fields["limit"] == "ANNEAL_OUTBOUND_HOSTS"


def test_hub_download_connects_to_no_private_address_but_the_hub(
    web: WebFiles, inner: WebFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET"):  # restored after the test
        monkeypatch.setattr(hub_constants, name, getattr(hub_constants, name))
    with hub_network(web.url, []):
        assert httpx.get(f"{web.url}/a.csv").content == b"x"
        elsewhere = inner.url.replace("127.0.0.1", "localhost")
        for url in (inner.url, elsewhere, "http://[::1]:1", f"http://{METADATA_SERVICE}"):
            with pytest.raises(EngineError) as refused:
                httpx.get(f"{url}/a.csv", timeout=5)
            assert refused.value.code == "address_refused"
    with hub_network(web.url, [inner.url.removeprefix("http://")]):
        assert httpx.get(f"{inner.url}/a.csv").content == b"secret of the inside"
    monkeypatch.setenv("HTTPS_PROXY", inner.url.removeprefix("http://"))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    with hub_network("https://hub.example", []):
        assert httpx.get(f"{inner.url}/a.csv").content == b"secret of the inside"
        with pytest.raises(EngineError):
            httpx.get(f"{web.url}/a.csv")


def test_signature_of_a_redirect_is_not_in_the_hub_s_error() -> None:
    request = httpx2.Request("GET", "https://hub/a")
    text = "502 for url 'https://cdn.example/a?X-Amz-Signature=c0ffee'."
    error = HfHubHTTPError(text, response=httpx2.Response(502, request=request))
    with pytest.raises(EngineError) as raised, hub_errors("model", "a/b", "https://hub", with_token=False):
        raise error
    assert ("https://cdn.example/a'" in raised.value.detail, "c0ffee" in raised.value.detail) == (True, False)
