"""The training service as a process of its own: `python -m services.training`."""

from services.training.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build, warm=True)
