"""Training in several processes: ranks, DDP and FSDP2, local processes, Ray."""
