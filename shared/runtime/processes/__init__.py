"""Child processes, and the CPUs and memory that they may use."""
