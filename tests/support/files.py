"""The files of a workspace, wherever they lie."""

import os
from pathlib import Path


def below(folder: Path) -> list[Path]:
    """Return all files below a folder; in a deep one `run` is a link, which is followed."""
    walked = os.walk(folder, followlinks=True)
    paths = (Path(place, name) for place, _, names in walked for name in names)
    return sorted(path for path in paths if path.is_file())
