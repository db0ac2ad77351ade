"""How the rooms are put into processes."""
