"""Long-running work: the queue, leases, attempts, log streams and the event outbox."""
