"""The cluster without containers."""

import socket

import pytest

from deploy.local_cluster import refuse_taken


def test_a_taken_port_is_refused_before_a_key_is_sent_to_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger, pytest.raises(RuntimeError, match="in use"):
        refuse_taken(stranger.getsockname()[1])
