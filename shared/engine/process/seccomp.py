"""Restricts which system calls this process may make, for good and without privileges: seccomp(2), filters.

The list is what CPython needs to compute and to import modules. It has no call that starts a process or a thread, sends
a signal, opens a socket, changes a limit, or reads another process; fcntl and ioctl are missing because they can have
the kernel send signals. What is not in it fails with EPERM.
"""

import ctypes
import platform
import struct

# fmt: off
_ALLOWED = {
    "x86_64": (0xC000003E, (  # AUDIT_ARCH_X86_64, and numbers of asm/unistd_64.h
        0, 1, 2, 3, 4, 5, 6, 7,  # read write open close stat fstat lstat poll
        8, 9, 10, 11, 12,  # lseek mmap mprotect munmap brk
        13, 14, 15, 17, 19, 20, 21, 23,  # rt_sigaction rt_sigprocmask rt_sigreturn pread64 readv writev access select
        24, 25, 28, 32, 35, 39, 60, 63,  # sched_yield mremap madvise dup nanosleep getpid exit uname
        79, 89, 96, 98, 99, 100, 102, 104,  # getcwd readlink gettimeofday getrusage sysinfo times getuid getgid
        107, 108, 131, 186, 202, 204, 217,  # geteuid getegid sigaltstack gettid futex sched_getaffinity getdents64
        228, 229, 230, 231,  # clock_gettime clock_getres clock_nanosleep exit_group
        257, 262, 267,  # openat newfstatat readlinkat
        269, 270, 271, 318, 332, 334, 439,  # faccessat pselect6 ppoll getrandom statx rseq faccessat2
    )),
}
# fmt: on
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
"""Instructions of linux/filter.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
"""Offsets in struct seccomp_data."""
_KILL, _EPERM, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000
_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
"""Options of prctl(2)."""


def allow_computing_only() -> bool:
    """Allow these system calls only. False where the kernel has no filters, or this list is not for the processor."""
    if platform.machine() not in _ALLOWED:
        return False
    architecture, numbers = _ALLOWED[platform.machine()]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *((_JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filters)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privs = libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return not no_new_privs and not libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)
