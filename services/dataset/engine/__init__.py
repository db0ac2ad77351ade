"""What reads, checks and writes rows, in a child process: no room code above it, no network, no credentials."""
