"""`volano data track …`: folders of many files become versions, and folders again."""

from volano.web.api.verb import ARTIFACT, LIMIT, Param, Verb, ref

_FOLDER = Param("folder", "the folder with the files", "folder", first=True, required=True)

VERBS = (
    Verb(
        "data", "track", "filesets.track", "/filesets/track",
        "Keep a folder of files of any kind as the next version of a file set.",
        (_FOLDER, Param("name", "the name to version; else that of the last time, or the folder's")),
        changes=True,
        done="{ref}  {meta[counts][files]} files, {meta[counts][bytes]} bytes",
        next="volano data status FOLDER",
    ),
    Verb(
        "data", "status", "filesets.status", "/filesets/status",
        "Show what changed in a folder since it was tracked or written.",
        (_FOLDER,),
    ),
    Verb(
        "data", "checkout", "filesets.checkout", "/filesets/{ref}/checkout",
        "Write a version of a file set into a folder.",
        (
            ref(),
            Param("to", "the folder to write", "output", first=True, required=True),
            Param("force", "overwrite what no version has", "flag"),
        ),
        changes=True, done="{folder} is {ref} now: {same} paths",
        next="volano data status FOLDER",
    ),
    Verb(
        "data", "tracked", "filesets.list", "/filesets", "List file sets.",
        (Param("name", "only versions of this name"), LIMIT), columns=ARTIFACT,
    ),
    Verb(
        "data", "files", "filesets.files", "/filesets/{ref}/files", "List the files of a version.",
        (ref(), Param("limit", "how many at most", "int", default=1000, least=1, most=1_000_000)),
        columns=("path", "kind", "size", "digest"), reads=True, scope="data",
    ),
)  # fmt: skip
