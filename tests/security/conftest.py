"""Attacks on the platform and its parsers. These tests take minutes, and run with `make test-security`."""

import os

collect_ignore_glob = [] if os.environ.get("ANNEAL_TEST_SECURITY") else ["test_*.py"]
