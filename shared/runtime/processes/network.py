"""The environment of engines that download: the only ones that may use the network."""

import os

VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


def network_environment() -> dict[str, str]:
    """This machine's proxy and certificate variables, which other engines do not get."""
    names = (*VARIABLES, *(name.lower() for name in VARIABLES))
    return {"CUDA_VISIBLE_DEVICES": "", **{name: os.environ[name] for name in names if name in os.environ}}
