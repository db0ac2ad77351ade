"""Restricts which files this process may read and write, for good and without privileges: Landlock (landlock(7))."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls, with the same numbers on all architectures."""
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_CREATE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
"""Rights on files, the last two since versions 2 and 3."""
_TCP = 0b11
"""Binding and connecting, since version 4."""
_OUTSIDE = 0b11
"""Abstract sockets and signals to processes outside, since version 6."""

_libc = ctypes.CDLL(None, use_errno=True)


def restrict(writable: Sequence[str], readable: Sequence[str] | None, *, tcp: bool, strict: bool = False) -> bool:
    """Allow writing only below `writable`, reading only below both unless `readable` is None, and TCP or not.

    With `strict`, folders are listed below `readable` alone too, and no program is executed. Needs no_new_privs. False
    where the kernel has no Landlock; what a version does not know yet stays allowed.
    """
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    write = _WRITE_FILE | _CREATE_AND_REMOVE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    read = (0 if readable is None else _READ_FILE) | (_READ_DIR if strict else 0)
    ruleset = _create(version, write | read | (_EXECUTE if strict else 0), 0 if tcp else _TCP)
    for path in writable:
        _allow(ruleset, path, write | read)
    for path in readable or ():
        _allow(ruleset, path, read)
    restricted = not _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return restricted


def _create(version: int, files: int, network: int) -> int:
    attributes = struct.pack("QQQ", files, network, _OUTSIDE)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    return int(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # gone, or a dangling link
        return
    if not stat.S_ISDIR(os.fstat(file).st_mode):
        rights &= _WRITE_FILE | _READ_FILE | _TRUNCATE
    _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, file), 0)
    os.close(file)
