"""System calls that a program may make, as a filter for the kernel. All others give EPERM.

What Python needs for files, memory, time and signals of its own. Not among them: starting processes and threads,
sockets, signals to others, mounts, tracing, keys, other limits. Numbers: Linux `unistd_64.h` and
`asm-generic/unistd.h`; form of the filter: seccomp(2), classic BPF.
"""

import platform
import struct

ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h."""

X86_64 = (
    0, 1, 2, 3, 4, 5, 6, 7, 8,  # read write open close stat fstat lstat poll lseek
    9, 10, 11, 12, 13, 14, 15,  # mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn
    16, 17, 18, 19, 20, 21, 22, 23,  # ioctl pread64 pwrite64 readv writev access pipe select
    24, 25, 26, 27, 28, 32, 33, 34, 35,  # sched_yield mremap msync mincore madvise dup dup2 pause nanosleep
    36, 37, 38, 39, 60, 63, 72, 73, 74,  # getitimer alarm setitimer getpid exit uname fcntl flock fsync
    75, 76, 77, 78, 79, 80, 81, 82, 83,  # fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir
    84, 85, 86, 87, 88, 89, 90, 91, 95,  # rmdir creat link unlink symlink readlink chmod fchmod umask
    96, 97, 98, 99, 100, 102, 104, 107,  # gettimeofday getrlimit getrusage sysinfo times getuid getgid geteuid
    108, 110, 111, 131, 158, 186, 201,  # getegid getppid getpgrp sigaltstack arch_prctl gettid time
    202, 204, 217, 218, 219, 221,  # futex sched_getaffinity getdents64 set_tid_address restart_syscall fadvise64
    228, 229, 230, 231, 232, 233, 234,  # clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill
    257, 258, 262, 263, 264, 267, 269,  # openat mkdirat newfstatat unlinkat renameat readlinkat faccessat
    270, 271, 273, 280, 281, 290, 291,  # pselect6 ppoll set_robust_list utimensat epoll_pwait eventfd2 epoll_create1
    292, 293, 295, 296, 316, 318, 332, 334, 439,  # dup3 pipe2 preadv pwritev renameat2 getrandom statx rseq faccessat2
)  # fmt: skip
AARCH64 = (
    17, 19, 20, 21, 22, 23, 24, 25, 29,  # getcwd eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl ioctl
    32, 34, 35, 36, 37, 38, 45, 46, 48,  # flock mkdirat unlinkat symlinkat linkat renameat truncate ftruncate faccessat
    49, 50, 52, 53, 56, 57, 59, 61, 62,  # chdir fchdir fchmod fchmodat openat close pipe2 getdents64 lseek
    63, 64, 65, 66, 67, 68, 69, 70, 72, 73,  # read write readv writev pread64 pwrite64 preadv pwritev pselect6 ppoll
    78, 79, 80, 82, 83, 88, 93, 94, 96,  # readlinkat newfstatat fstat fsync fdatasync utimensat exit exit_group set_tid_address
    98, 99, 101, 102, 103, 113, 114, 115,  # futex set_robust_list nanosleep getitimer setitimer clock_gettime clock_getres clock_nanosleep
    123, 124, 128, 131, 132, 134, 135, 139,  # sched_getaffinity sched_yield restart_syscall tgkill sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn
    153, 160, 163, 165, 166, 169, 172, 173,  # times uname getrlimit getrusage umask gettimeofday getpid getppid
    174, 175, 176, 177, 178, 179, 214, 215,  # getuid geteuid getgid getegid gettid sysinfo brk munmap
    216, 222, 223, 226, 227, 232, 233, 276,  # mremap mmap fadvise64 mprotect msync mincore madvise renameat2
    278, 291, 293, 439,  # getrandom statx rseq faccessat2
)  # fmt: skip
ALLOWED = {"x86_64": X86_64, "aarch64": AARCH64}

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001  # SECCOMP_RET_*


def filter_of(machine: str = "") -> bytes | None:
    """Return the filter for a machine (`x86_64`, `aarch64`; empty: this one), or None where there is none."""
    machine = machine or platform.machine()
    if machine not in ALLOWED:
        return None
    numbers = ALLOWED[machine]
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, ARCHES[machine]), (_RETURN, 0, 0, _KILL)]
    steps.append((_LOAD, 0, 0, 0))
    steps += [(_EQUAL, len(numbers) - at, 0, nr) for at, nr in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
