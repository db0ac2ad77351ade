"""Runs the dataset service as its own process: `python -m services.dataset`."""

from services.dataset.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build)
