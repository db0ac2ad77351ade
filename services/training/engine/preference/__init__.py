"""Preference optimization (DPO, KTO) with TRL's trainers."""
