"""Damages files of published artifacts, as a disk or a person may."""

from pathlib import Path


def flip_bit(path: Path) -> None:
    """Change one bit in the middle of a file."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
