"""The dataset room as a process of its own: `python -m services.dataset`."""

from services.dataset.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build)
