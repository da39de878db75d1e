"""Installs what the tests need beyond Python: Debian packages by name where we are root.

Elsewhere it says what to install; the tests that need it then skip, saying so.
"""

import os
import shutil
import subprocess
import sys

NEEDS = {"chromium": "chromium", "nginx": "nginx-light", "wrk": "wrk"}
"""Program -> Debian package."""


def main() -> None:
    missing = [package for program, package in NEEDS.items() if not shutil.which(program)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"  missing: {names}; tests that need them skip. Install: apt-get install {names}")
        return
    print(f"  installing {names}")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    if subprocess.run(command, check=False, env=environment, **quiet).returncode:
        print(f"  could not install {names}; tests that need them skip", file=sys.stderr)


if __name__ == "__main__":
    main()
