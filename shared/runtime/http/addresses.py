"""Which addresses the platform connects to at a caller's request: public ones, and the operator's exceptions (SSRF)."""

import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from shared.runtime.errors import AnnealError

EMBEDDING = tuple(
    IPv6Network(net)
    for net in (
        "::/96",  # IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
    )
)
"""Addresses that carry an IPv4 address, which a router may take out; IPv4-mapped ones are checked as IPv4."""
SPECIAL = (IPv4Network("192.88.99.0/24"), IPv6Network("fec0::/10"))
"""Relays of 6to4 and site-local addresses: deprecated, and not private to Python's `ipaddress`."""


class AddressRefused(AnnealError):
    """The address is in a private network, or not https."""

    status = 403
    code = "address_refused"


class SourceUnreachable(AnnealError):
    """The server of an import does not answer."""

    status = 502
    code = "source_unreachable"


@dataclass(frozen=True)
class AddressPolicy:
    """`allowed` hosts, each as `name` or `name:port`, may have private addresses and be reached by http.

    Where `only` is not empty, all others must be among it: `name`, `name:port` or `*.name` for the hosts below it.

    A host is compared as written: an allowed `127.0.0.1` does not allow `2130706433`. Errors name `field` and the
    operator's `setting`; `instead` begins the remedy of one about a private address.
    """

    allowed: Collection[str]
    field: str = "url"
    setting: str = "ANNEAL_IMPORT_HOSTS"
    instead: str = "Upload the file, or ask"
    only: Collection[str] = ()

    def resolve(self, scheme: str, host: str, port: int) -> str:
        """Return an IP address of the host to connect to. Raises AddressRefused or SourceUnreachable.

        All addresses of a name must be public: a resolver may return any of them next time.
        """
        host = host.lower().strip("[]")
        allowed = is_listed(host, port, self.allowed)
        if self.only and not allowed and not is_listed(host, port, self.only):
            remedy = f"Ask the operator to add {host} to ANNEAL_OUTBOUND_HOSTS."
            detail = f"The platform does not connect to {host}."
            raise AddressRefused(detail, field=self.field, limit="ANNEAL_OUTBOUND_HOSTS", remedy=remedy)
        if scheme != "https" and not (allowed and scheme == "http"):
            remedy = f"Use https; the operator can allow http for a host with {self.setting}."
            raise AddressRefused(f"{scheme}://{host} is not used.", field=self.field, limit="https", remedy=remedy)
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            detail = f"There is no host {host!r}."
            raise SourceUnreachable(detail, field=self.field, remedy="Check its spelling.") from error
        if not allowed and not all(map(is_public, found)):
            remedy = f"{self.instead} the operator to add {host} to {self.setting}."
            limit = "public addresses"
            raise AddressRefused(f"{host} is in a private network.", field=self.field, limit=limit, remedy=remedy)
        return found[0]


def is_listed(host: str, port: int, entries: Collection[str]) -> bool:
    """Whether the host is among `name`, `name:port`, and `*.name` for the hosts below a name."""
    names = {host.lower(), f"{host}:{port}".lower()}
    return any(
        entry.lower() in names or (entry.startswith("*.") and host.lower().endswith(entry[1:].lower()))
        for entry in entries
    )


def is_public(address: str) -> bool:
    """Whether it is an IP address of the public internet that embeds no other one."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in net for net in EMBEDDING):
            return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in net for net in SPECIAL)
