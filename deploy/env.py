"""Writes `.env`, the secrets of a deployment: once, readable by its owner alone. `make env`.

docker-compose.yml reads it, and `kubectl create secret generic anneal --from-env-file=.env` makes the same names known
to the manifests in deploy/k8s. It imports nothing of ours, so that it runs before anything is installed.
"""

import os
import secrets
import sys
from pathlib import Path

HEADER = """\
# Secrets of this deployment, made by `make env`. Keep a copy: what they guard cannot be opened without them.
# With servers of your own, let the three URLs name them.
"""


def values() -> dict[str, str]:
    """Fresh secrets of 160 bits and more, in hex: they stand in URLs."""
    rabbitmq, mongodb, minio = (secrets.token_hex(20) for _ in range(3))  # MinIO takes no more than 40 characters
    return {
        "ANNEAL_SECRET": secrets.token_hex(32),
        "ANNEAL_OPERATOR_KEY": f"anneal_{secrets.token_hex(32)}",
        "ANNEAL_METRICS_TOKEN": secrets.token_hex(32),
        "RABBITMQ_PASSWORD": rabbitmq,
        "MONGODB_PASSWORD": mongodb,
        "MINIO_PASSWORD": minio,
        "GRAFANA_PASSWORD": secrets.token_hex(32),
        "ANNEAL_BUS_URL": f"amqp://anneal:{rabbitmq}@rabbitmq:5672/",
        "ANNEAL_DOCUMENTS_URL": f"mongodb://anneal:{mongodb}@mongodb:27017/anneal?authSource=admin",
        "ANNEAL_BLOBS_URL": f"s3+http://anneal:{minio}@minio:9000/anneal",
    }


def write(path: Path) -> bool:
    """Make the file; False where there is one, which stays as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(HEADER + "".join(f"{name}={value}\n" for name, value in values().items()))
    return True


if __name__ == "__main__":
    path = Path(*sys.argv[1:] or [".env"]).absolute()
    sys.stdout.write(f"{path} {'made' if write(path) else 'is there already; it stays as it is'}.\n")
