"""Short-lived engine children: inspect, download, dry run, matmul benchmark, prewarm."""
