"""Runs the export service as its own process: `python -m services.export`."""

from services.export.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build, warm=True)
