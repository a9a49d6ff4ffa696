"""Runs a command and prints what it cost: `python -I -S launch.py COMMAND ...`.

A process of its own because the peak of a command cannot read below the memory of the process
that starts it, and this one is as small as a Python can be.
"""

import os
import sys
import time

nowhere = os.open(os.devnull, os.O_RDWR)
start = time.perf_counter()
to_nowhere = [(os.POSIX_SPAWN_DUP2, nowhere, stream) for stream in (0, 1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=to_nowhere)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - start
ended = os.waitstatus_to_exitcode(status)
megabyte = 1 << 20 if sys.platform == "darwin" else 1 << 10
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / megabyte, ended)
