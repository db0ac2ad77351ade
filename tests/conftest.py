"""Threads of torch that wait must sleep, not spin: on shared cores the tests would take many times as long."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
