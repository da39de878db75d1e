"""File sets: a folder of many files, of any kind, as one version.

What enters: images, PDFs, recordings, any bytes in a folder. What leaves:
artifacts of kind `fileset`, and folders that are written back byte for byte.

- `walk`: what lies in a folder: names, sizes, times.
- `tree`: what a version is: paths, and where the bytes of each lie.
- `bundle`: many small files become one blob; large ones are cut by content.
- `seen`: which files were looked at when, so that the next look reads only what changed.
- `writing`: a version becomes a folder again.
- `keeper`: `Filesets`, the verbs.
"""

from volano.data.filesets.keeper import Filesets

__all__ = ["Filesets"]
