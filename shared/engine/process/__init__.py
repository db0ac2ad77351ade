"""An engine as a child process: protocol, forkserver and memory settings."""
