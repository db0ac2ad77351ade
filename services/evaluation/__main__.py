"""Runs the evaluation service as its own process: `python -m services.evaluation`."""

from services.evaluation.app import build
from shared.runtime.http.server import main

if __name__ == "__main__":
    main(build, warm=True)
