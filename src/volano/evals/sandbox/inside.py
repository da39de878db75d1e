"""What the child does: closes itself in, and runs one program. Started by `run` as a script, never imported.

Three processes: this one waits; its child is the first process of the new process namespace, lays out the
file system and waits; the child of that one gives up everything and runs the program. When the middle one ends, the
kernel ends all that is left in the namespace; it ends when its parent does.

In: the task as JSON on stdin. Out: on the file descriptor named first, one line `{"ready": true}` or
`{"setup": "why not"}`, then one line with what the program gave. Only the standard library is imported.
"""

import contextlib
import ctypes
import io
import json
import os
import resource
import signal
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

NAMESPACES = 0x10000000 | 0x20000 | 0x20000000 | 0x40000000 | 0x8000000 | 0x4000000 | 0x2000000
"""CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP."""
MS_NOSUID, MS_NODEV, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    2,
    4,
    1,
    32,
    4096,
    16384,
    1 << 18,
)
PDEATHSIG, SET_SECCOMP, NO_NEW_PRIVS = 1, 22, 38
MOUNT_SETATTR = 442
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
AT_RECURSIVE, RO_NOSUID_NODEV = 0x8000, 1 | 2 | 4
LIBRARIES = ("lib", "lib64", "usr/lib", "usr/lib64")

Task = dict[str, Any]

libc = ctypes.CDLL(None, use_errno=True)


def must(done: int, what: str) -> None:
    """Raise where the kernel said no."""
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    """Mount a file system, with the words of the manual page."""
    texts = [None if one is None else os.fsencode(one) for one in (source, target, kind, data)]
    must(
        libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {target}"
    )


def close_in() -> None:
    """Take new namespaces, with our own user as the only one."""
    uid, gid = os.getuid(), os.getgid()
    must(libc.unshare(NAMESPACES), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def lay_out(root: str, megabytes: int) -> None:
    """Make a file system of the standard library, shared libraries and an empty folder `/work`; leave the old one."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for name in libraries():
        at = Path(root) / name
        at.parent.mkdir(parents=True, exist_ok=True)
        if (Path("/") / name).is_symlink():
            at.symlink_to((Path("/") / name).readlink())
            continue
        at.mkdir(exist_ok=True)
        mount(f"/{name}", str(at), None, MS_BIND | MS_REC)
        read_only(at)
    for packages in ("site-packages", "dist-packages"):
        for at in (
            Path(root + str(Path(os.__file__).parent / packages)),
            Path(root + "/usr/lib/python3/" + packages),
        ):
            if at.is_dir():
                mount("tmpfs", str(at), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k")
    work = Path(root) / "work"
    work.mkdir()
    mount(
        "tmpfs",
        str(work),
        "tmpfs",
        MS_NOSUID | MS_NODEV,
        f"size={megabytes}m,nr_inodes=1000,mode=700",
    )
    os.chdir(root)
    must(libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    must(libc.umount2(b".", 2), "umount of the old root")
    mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir("/work")


def libraries() -> list[str]:
    """Return the folders to be seen, without a leading slash; none lies in another."""
    wanted = {
        *LIBRARIES,
        *(f"{prefix.strip('/')}/lib" for prefix in (sys.base_prefix, sys.base_exec_prefix)),
    }
    wanted.add(str(Path(os.__file__).parent).strip("/"))
    there = sorted(name for name in wanted if (Path("/") / name).is_dir())
    kept: list[str] = []
    for name in there:
        if not any(name.startswith(f"{one}/") and not Path(f"/{one}").is_symlink() for one in kept):
            kept.append(name)
    return kept


def read_only(at: Path) -> None:
    """Make a mount and all below it read-only (mount_setattr(2), Linux 5.12)."""
    wanted = struct.pack("QQQQ", RO_NOSUID_NODEV, 0, 0, 0)
    done = libc.syscall(MOUNT_SETATTR, -100, os.fsencode(at), AT_RECURSIVE, wanted, len(wanted))
    must(done, f"mount_setattr {at}")


def give_up(task: Task) -> None:
    """Take the limits, drop all capabilities, and let the kernel refuse what is not on the list."""
    most = task["limits"]
    for kind, value in (
        (resource.RLIMIT_AS, most["memory_mb"] << 20),
        (resource.RLIMIT_CPU, most["cpu_s"]),
        (resource.RLIMIT_FSIZE, most["files_mb"] << 20),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    header = struct.pack("Ii", 0x20080522, 0)
    must(libc.syscall(CAPSET[os.uname().machine], header, bytes(24)), "capset")
    must(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    steps = bytes.fromhex(task["filter"])
    kept = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("HxxxxxxP", len(steps) // 8, ctypes.addressof(kept))
    must(libc.prctl(SET_SECCOMP, 2, program, 0, 0), "seccomp")


def work_on(task: Task) -> Task:
    """Run the program and its tests, or its cases; return what they gave."""
    if task["tests"] is not None:
        space: Task = {"__name__": "answer"}
        exec(compile(task["code"], "<answer>", "exec"), space)  # noqa: S102  this is what the sandbox is for
        exec(compile(task["tests"], "<tests>", "exec"), space)  # noqa: S102
        return {"passed": task["token"]}
    return {"gave": [one_case(task["code"], case) for case in task["cases"]]}


def one_case(code: str, case: Task) -> Task:
    """Return what one case gave: `{"value": ...}`, or `{"failed": why}`."""
    said = io.StringIO()
    name = "__main__" if "stdin" in case else "answer"
    try:
        sys.stdin = io.StringIO(case.get("stdin", ""))
        space: Task = {"__name__": name}
        with contextlib.redirect_stdout(said):
            try:
                exec(compile(code, "<answer>", "exec"), space)  # noqa: S102
            except SystemExit:
                if "call" in case:
                    raise
            if "call" in case:
                value = space[case["call"]](*case.get("args", ()), **case.get("kwargs", {}))
            else:
                value = said.getvalue()
        return {"value": json.loads(json.dumps(value))}
    except BaseException as error:  # noqa: BLE001  whatever a stranger's program raises is its result
        return {"failed": f"{type(error).__name__}: {error}"[:300]}


def program(task: Task, out: int) -> None:
    """Be the innermost process."""
    try:
        give_up(task)
        os.write(out, b'{"ready": true}\n')
    except OSError as error:
        os.write(out, json.dumps({"setup": str(error)}).encode() + b"\n")
        os._exit(3)
    code = 1
    try:
        told = work_on(task)
        os.write(out, json.dumps(told).encode() + b"\n")
        code = 0
    except BaseException as error:  # noqa: BLE001
        with contextlib.suppress(BaseException):
            line = "".join(traceback.format_exception_only(error)).strip()[-300:]
            os.write(out, json.dumps({"failed": line}).encode() + b"\n")
    os._exit(code)


def first(task: Task, out: int) -> None:
    """Be the first process of the namespace."""
    try:
        must(libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        signal.signal(signal.SIGALRM, lambda *_: os._exit(4))
        signal.alarm(int(task["limits"]["wall_s"]) + 2)
        lay_out(task["root"], task["limits"]["files_mb"])
    except OSError as error:
        os.write(out, json.dumps({"setup": str(error)}).encode() + b"\n")
        os._exit(3)
    worker = os.fork()
    if not worker:
        program(task, out)
    os._exit(ended(worker))


def ended(child: int) -> int:
    """Return how a child ended, as a shell says it."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return 128 - status if status < 0 else status


def main() -> None:
    """Close in, and wait for the end."""
    out = int(sys.argv[1])
    task = json.load(sys.stdin)
    empty, end = os.pipe()
    os.close(end)
    os.dup2(empty, 0)  # the task is not to be read again
    os.close(empty)
    try:
        close_in()
    except OSError as error:
        os.write(out, json.dumps({"setup": str(error)}).encode() + b"\n")
        os._exit(3)
    # Only now: a change of credentials would clear the wish.
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != task["parent"]:
        os._exit(4)
    child = os.fork()
    if not child:
        first(task, out)
    os.close(out)
    os._exit(ended(child))


if __name__ == "__main__":
    main()
