"""Run the inference service as its own process: `python -m services.inference`."""

from services.inference.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build, warm=True)
