"""Connections of the S3 client to an object store that a caller names: to its checked address alone."""

import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import connection

from shared.runtime.http.addresses import AddressPolicy


def checked_pools(policy: AddressPolicy) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools by scheme, for `PoolManager.pool_classes_by_scheme`; also of redirects."""

    def connect(to: HTTPConnection, scheme: str) -> socket.socket:
        """As urllib3 connects; raises AddressRefused or SourceUnreachable too."""
        address = policy.resolve(scheme, to.host, to.port)
        try:
            return connection.create_connection((address, to.port), to.timeout, socket_options=to.socket_options)
        except TimeoutError as error:
            raise ConnectTimeoutError(to, f"{to.host} did not answer") from error
        except OSError as error:
            raise NewConnectionError(to, f"{to.host}: {error}") from error

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, "http")

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self, "https")

    class PlainPool(HTTPConnectionPool):
        ConnectionCls: Any = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls: Any = Secure

    return {"http": PlainPool, "https": SecurePool}
