"""Exchange: datasets come from elsewhere and go there.

What enters: JSONL, Parquet, folders of the Hugging Face Hub, folders tracked by DVC or Git LFS.
What leaves: the same, with a card.

- `rowfiles`, `columns`, `plainly`: JSONL and Parquet, one schema for all rows, other formats' values.
- `hub`: the Hub's layout.
- `dvc`, `lfs`, `content`: folders of files under DVC and Git LFS.
- `card`, `cards`: what a dataset is, in words.
- `form`: which of them a path is.
- `place`: written complete or not at all, never over what is not ours.
- `keeper`: `Exchange`, the verbs.
"""

from volano.data.exchange.cards import Cards
from volano.data.exchange.keeper import Exchange

__all__ = ["Cards", "Exchange"]
