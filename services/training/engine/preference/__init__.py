"""Direct preference optimization by TRL's trainer."""
