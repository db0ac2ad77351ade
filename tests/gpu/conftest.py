"""The engines on a GPU. These tests take ten minutes and run with `make test-gpu`; without a GPU they are skipped."""

import os

collect_ignore_glob = [] if os.environ.get("ANNEAL_TEST_GPU") else ["test_*.py"]
