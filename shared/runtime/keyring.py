"""Keys derived from the platform's secret (HKDF, RFC 5869), and the encryption of callers' secrets in documents.

Each service and purpose has a key of its own, so that no key serves twice. Where every service runs in a container of
its own, `python -m shared.runtime.keyring SERVICE …` prints an ANNEAL_SECRET for each, from which the keys of no other
service can be computed; the gateway keeps the secret itself. A service that calls another one has a key for these calls
alone, which its own ANNEAL_SECRET contains.
"""

import hashlib
import os
import re
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.runtime.errors import AnnealError, Misconfigured

KEY_BYTES = 32
NONCE_BYTES = 12
"""Of AES-GCM, random: safe for 2^32 messages under a key (NIST SP 800-38D, section 8.3)."""
AT_REST = "secrets at rest"
SERVICE_SECRET = re.compile(r"service:([a-z]+):([0-9a-f]{64})((?::[a-z]+:[0-9a-f]{64})*)")
"""Service and key, then each service that it calls with the key of these calls."""
CALLS: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = {
    ("evaluation", "inference"): frozenset({("POST", "/v1/chat/completions")}),
    ("dataset", "inference"): frozenset({("GET", "/feedback/rows")}),
}
"""Which service calls which one, and what it may call there: method and path."""


class SecretUnreadable(AnnealError):
    """A stored secret was encrypted under another ANNEAL_SECRET, or changed."""

    status = 409
    code = "secret_unreadable"


class Keyring:
    """The keys of the current secret, and for reading only those of the `previous` one."""

    def __init__(self, secret: str, previous: str = "") -> None:
        self._secrets = [text for text in (secret, previous) if text]

    def keys(self, service: str, purpose: str) -> list[bytes]:
        """The current key of a service for one purpose, then the previous one. Raises Misconfigured."""
        return [_derive(_service_key(secret, service), purpose) for secret in self._secrets]

    def call_keys(self, caller: str, service: str) -> list[bytes]:
        """The keys of one service's calls of another: the current one, then the previous, if that has one.

        Raises Misconfigured.
        """
        keys = [_call_key(secret, caller, service) for secret in self._secrets[:1]]
        with suppress(Misconfigured):  # printed before services called others
            keys += [_call_key(secret, caller, service) for secret in self._secrets[1:]]
        return keys

    def encrypt(self, service: str, id: str, text: str) -> str:
        """Encrypt a secret for the document `id`: `<key id>:<base64 of nonce and ciphertext>`, readable there alone."""
        key, nonce = self.keys(service, AT_REST)[0], os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), id.encode())
        return f"{_key_id(key)}:{urlsafe_b64encode(sealed).decode()}"

    def encrypt_again(self, service: str, id: str, text: str) -> str:
        """The same secret under the current key; `text` itself if it is so already. Raises SecretUnreadable."""
        if text.partition(":")[0] == _key_id(self.keys(service, AT_REST)[0]):
            return text
        return self.encrypt(service, id, self.decrypt(service, id, text))

    def decrypt(self, service: str, id: str, text: str) -> str:
        """Return the secret. Raises SecretUnreadable."""
        key_id, _, sealed = text.partition(":")
        try:
            key = next(key for key in self.keys(service, AT_REST) if _key_id(key) == key_id)
            data = urlsafe_b64decode(sealed)
            return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], id.encode()).decode()
        except (StopIteration, ValueError, InvalidTag) as error:
            remedy = "Request it again, or set ANNEAL_SECRET_PREVIOUS to the secret before."
            raise SecretUnreadable("Its token was encrypted under another ANNEAL_SECRET.", remedy=remedy) from error


def service_secret(secret: str, service: str) -> str:
    """The ANNEAL_SECRET for the process of one service, from which no other service's keys follow."""
    calls = [f":{name}:{_call_key(secret, caller, name).hex()}" for caller, name in CALLS if caller == service]
    return f"service:{service}:{_service_key(secret, service).hex()}{''.join(calls)}"


def _call_key(secret: str, caller: str, service: str) -> bytes:
    own = SERVICE_SECRET.fullmatch(secret)
    if own is None or own[1] != caller:
        return _derive(_service_key(secret, service), f"calls of {caller}")
    if not (key := re.search(rf":{service}:([0-9a-f]{{64}})", own[3])):
        remedy = f"Print it again: ANNEAL_SECRET=… python -m shared.runtime.keyring {caller}"
        detail = f"ANNEAL_SECRET of the service {caller} has no key for its calls of {service}."
        raise Misconfigured(detail, field="secret", remedy=remedy)
    return bytes.fromhex(key[1])


def _service_key(secret: str, service: str) -> bytes:
    if not (own := SERVICE_SECRET.fullmatch(secret)):
        return _derive(secret.encode(), f"service {service}")
    if own[1] != service:
        remedy = "Give each service its own; the gateway needs the secret that they are derived from."
        detail = f"ANNEAL_SECRET is the secret of the service {own[1]}, and {service} cannot use it."
        raise Misconfigured(detail, field="secret", remedy=remedy)
    return bytes.fromhex(own[2])


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"anneal {purpose}".encode()).derive(key)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(f"{service_secret(os.environ['ANNEAL_SECRET'], name)}\n")
