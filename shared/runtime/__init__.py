"""What every process needs to run: settings, resources, leases, streams, children, logging, telemetry, errors."""
