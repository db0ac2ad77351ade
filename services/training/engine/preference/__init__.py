"""Direct preference optimization with TRL's trainer."""
