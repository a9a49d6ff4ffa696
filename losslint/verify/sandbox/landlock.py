"""Which folders a confined process may read: Landlock, where the Linux kernel has it (5.13)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable

PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1

READ_FILE, READ_DIR = 1 << 2, 1 << 3
# How many kinds of access to files each version knows, from the lowest bit.
ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15}
LATER = 16
# Connecting and binding; signals and sockets to the outside.
NET, SCOPES = 0b11, 0b11


def only_read(folders: Iterable[str]) -> bool:
    """Leave this process nothing of the file system but reading these; whether that worked."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)
    if version < 1:
        return False
    rules = struct.pack("Q", (1 << ACCESSES.get(version, LATER)) - 1)
    rules += struct.pack("Q", NET) if version >= 4 else b""
    rules += struct.pack("Q", SCOPES) if version >= 6 else b""
    ruleset = library.syscall(CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return False
    try:
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                _allow(library, ruleset, folder)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(library.syscall(RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, folder: str) -> None:
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        rule = struct.pack("=Qi", READ_FILE | READ_DIR, place)
        library.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
