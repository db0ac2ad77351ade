"""An engine as a child process: protocol, forkserver, memory settings."""
