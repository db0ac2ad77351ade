"""The evaluation engine: generates answers, computes losses and scores them, in a child process."""
