"""Training jobs: requests, the queue, the attempts of a worker, and what they publish."""
