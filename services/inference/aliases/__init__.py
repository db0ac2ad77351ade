"""Aliases: names that applications call, the candidates for them, promotion and rollback."""
