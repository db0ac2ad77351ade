"""Real and generated models of many architectures. These tests take minutes, and run with `make test-models`."""

import os

collect_ignore_glob = [] if os.environ.get("ANNEAL_TEST_MODELS") else ["test_*.py"]
