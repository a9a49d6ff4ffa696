"""What a confined process may ask of the Linux kernel: a seccomp filter, made by hand.

Three answers: what computing and reading need is done; what a loss has no business
with ends the process (SIGSYS); anything else fails with EPERM, as on a system that
does not offer it. On other systems and machines there is no filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from losslint.frozen import dataclass

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

ALLOW = 0x7FFF0000
KILL = 0x80000000
FAIL = 0x00050000 | errno.EPERM
ABSENT = 0x00050000 | errno.ENOSYS

# Instructions of classic BPF.
LOAD, JUMP_EQUAL, JUMP_ANY_BIT, JUMP_FROM, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16

# Opened for more than reading: write, create, truncate, append.
WRITES = 0o3 | 0o100 | 0o1000 | 0o2000
CLONE_THREAD = 0x10000

# name: number on x86-64, on aarch64 (-1: there is none)
DONE = """
read 0 63, write 1 64, close 3 57, stat 4 -1, fstat 5 80, lstat 6 -1, poll 7 -1, lseek 8 62,
mmap 9 222, mprotect 10 226, munmap 11 215, brk 12 214, rt_sigaction 13 134,
rt_sigprocmask 14 135, rt_sigreturn 15 139, ioctl 16 29, pread64 17 67, readv 19 65, writev 20 66,
access 21 -1, sched_yield 24 124, mremap 25 216, madvise 28 233, nanosleep 35 101, getpid 39 172,
exit 60 93, uname 63 160, fcntl 72 25, getcwd 79 17, readlink 89 -1, gettimeofday 96 169,
getrlimit 97 163, getrusage 98 165, sysinfo 99 179, times 100 153, getuid 102 174, getgid 104 176,
geteuid 107 175, getegid 108 177, getppid 110 173, sigaltstack 131 132, gettid 186 178,
futex 202 98, sched_getaffinity 204 123, getdents64 217 61, restart_syscall 219 128,
clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115, exit_group 231 94,
newfstatat 262 79, readlinkat 267 78, faccessat 269 48, ppoll 271 73, set_robust_list 273 99,
getrandom 318 278, membarrier 324 283, statx 332 291, rseq 334 293, faccessat2 439 439
"""
ENDS = """
socket 41 198, connect 42 203, socketpair 53 199, fork 57 -1, vfork 58 -1, execve 59 221,
kill 62 129, ptrace 101 117, rt_sigqueueinfo 129 138, mount 165 40, tkill 200 130, unshare 272 97,
setns 308 268, process_vm_readv 310 270, process_vm_writev 311 271, bpf 321 280, execveat 322 281,
userfaultfd 323 282, pidfd_send_signal 424 424, io_uring_setup 425 425, pidfd_open 434 434
"""
# Those whose arguments decide.
OPEN, OPENAT, TGKILL, CLONE, CLONE3 = (2, -1), (257, 56), (234, 131), (56, 220), (435, 435)


@dataclass(frozen=True)
class _Machine:
    """A kind of machine: its place in the tables, and the number that the kernel has for it."""

    column: int
    audit: int


MACHINES = {
    "x86_64": _Machine(0, 0xC000003E),
    "aarch64": _Machine(1, 0xC00000B7),
}


def filter_calls() -> bool:
    """Put the filter on this process and all that it will start; whether that worked."""
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or sys.maxsize < 2**32:
        return False
    code = b"".join(_program(machine, os.getpid()))
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0)


def _program(machine: _Machine, own: int) -> list[bytes]:
    """The filter: for each system call a block that answers it."""
    code = [
        _step(LOAD, MACHINE),
        _step(JUMP_EQUAL, machine.audit, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
    ]
    if machine.column == 0:  # the x32 way of calling has numbers of its own
        code += [_step(JUMP_FROM, 0x40000000, 0, 1), _step(RETURN, KILL)]
    for table, answer in ((DONE, ALLOW), (ENDS, KILL)):
        for entry in table.split(","):
            code += _when(int(entry.split()[1 + machine.column]), [_step(RETURN, answer)])
    for numbers, place in ((OPEN, 1), (OPENAT, 2)):
        code += _when(numbers[machine.column], _if_bits(place, WRITES, FAIL, ALLOW))
    # abort() signals its own thread.
    code += _when(
        TGKILL[machine.column],
        [_argument(0), _step(JUMP_EQUAL, own, 0, 1), _step(RETURN, ALLOW), _step(RETURN, KILL)],
    )
    # A thread fails, a process ends us. clone3 hides which: glibc then asks for clone.
    code += _when(CLONE[machine.column], _if_bits(0, CLONE_THREAD, FAIL, KILL))
    code += _when(CLONE3[machine.column], [_step(RETURN, ABSENT)])
    return [*code, _step(RETURN, FAIL)]


def _when(number: int, block: list[bytes]) -> list[bytes]:
    """A block for one system call; nothing where the machine has no such call."""
    return [] if number < 0 else [_step(JUMP_EQUAL, number, 0, len(block)), *block]


def _if_bits(place: int, bits: int, yes: int, no: int) -> list[bytes]:
    """Answer by whether an argument has any of these bits."""
    return [
        _argument(place),
        _step(JUMP_ANY_BIT, bits, 0, 1),
        _step(RETURN, yes),
        _step(RETURN, no),
    ]


def _argument(place: int) -> bytes:
    return _step(LOAD, ARGUMENTS + 8 * place)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)
