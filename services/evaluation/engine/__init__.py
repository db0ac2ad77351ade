"""The evaluation engine: answers, losses and scores, in a child process of its own."""
