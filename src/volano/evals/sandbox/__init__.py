"""The sandbox: runs Python that a model wrote, where it can neither see nor harm anything.

- `run`: starts a child for one program, reads what it says within limits, ends it. What the program saw as its
  world is gone with it.
- `inside`: what the child does to itself before the program's first line: its own namespaces (user, mount, process,
  network, IPC, host name, cgroup), a file system of the standard library alone and a small folder, limits, no capabilities.
- `calls`: which system calls remain; all others are refused by the kernel (seccomp), starting processes among them.

Where the machine does not allow one of these, nothing is run, and the reason is told.
"""

from volano.evals.sandbox.run import Limits, Ran, run

__all__ = ["Limits", "Ran", "run"]
