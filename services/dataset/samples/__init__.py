"""The demo's sample dataset and the script that writes it."""
