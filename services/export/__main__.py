"""The export room as a process of its own: `python -m services.export`."""

from services.export.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build, warm=True)
