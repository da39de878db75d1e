"""`volano data export …`: datasets go elsewhere and come from there; what they are, and must be."""

from volano.web.api.verb import NAME, Param, Verb, ref

VERBS = (
    Verb(
        "data", "export", "exchange.write", "/datasets/{ref}/export",
        "Write a dataset as JSONL, Parquet or a Hugging Face folder; it or a file set for DVC or Git LFS.",
        (
            ref(),
            Param("to", "a folder, or a file that ends in .jsonl or .parquet", "output", first=True, required=True),
            Param("form", "the format; else the path's name says it, or hf",
                  choices=("jsonl", "parquet", "hf", "dvc", "lfs")),
            Param("force", "write over what no export wrote", "flag"),
        ),
        changes=True, done="{to}  {ref} as {form}: {rows} rows, {files} files",
    ),
    Verb(
        "data", "import", "exchange.read", "/datasets/{name}/import",
        "Read JSONL, Parquet or a Hugging Face folder into a dataset; what DVC or Git LFS track into a file set.",
        (
            NAME,
            Param("path", "the file or folder", "folder", first=True, required=True),
            Param("form", "the format; else it is seen from what lies there", default="auto",
                  choices=("auto", "jsonl", "parquet", "hf", "dvc", "lfs")),
            Param("config", "which configuration of a Hugging Face folder"),
        ),
        changes=True, done="{kind} {ref}  {meta[counts]}",
    ),
    Verb(
        "data", "card show", "cards.show", "/datasets/{ref}/card",
        "Show what a dataset is: its card in Markdown.", (ref(),), reads=True,
    ),
    Verb(
        "data", "card edit", "cards.edit", "/datasets/{name}/card",
        "Take over the prose of a dataset's card from a file; the facts stay ours.",
        (NAME, Param("path", "the card in Markdown, with your words in it", "path", first=True, required=True)),
        changes=True, done="{ref}", next="volano data card show {name}",
    ),
    Verb(
        "data", "contract set", "contracts.set", "/contracts/{name}/set",
        "Say what rows of a dataset must be; versions that break it are refused from now on.",
        (NAME, Param("path", "the contract in YAML", "path", first=True, required=True)),
        changes=True, done="{ref}  {meta[columns]} columns", next="volano data check {name}",
    ),
    Verb(
        "data", "contract show", "contracts.show", "/contracts/{name}",
        "Show the contract of a dataset.", (NAME,),
    ),
    Verb(
        "data", "contract infer", "contracts.infer", "/datasets/{ref}/contract",
        "Write a first contract, one that the rows of a version keep.", (ref(),), reads=True,
    ),
    Verb(
        "data", "check", "contracts.check", "/datasets/{ref}/check",
        "Check all rows of a version against its contract.", (ref(),), reads=True,
    ),
)  # fmt: skip
