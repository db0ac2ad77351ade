"""The training engine: child processes that train, pre-train, inspect and fetch models. The home of torch here."""
