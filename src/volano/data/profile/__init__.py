"""What is in a version of a dataset: counts that each lead to rows.

- `sample`: which rows are looked at; all, or blocks of them spread evenly.
- `place`: where a row lies, so that every count can keep a few of its rows.
- `distinct`, `column`: what a column holds; how many values differ, in bounded memory.
- `texts`: lengths, languages, and what looks like personal data.
- `alike`: equal texts, and clusters of similar ones.
- `odd`: rows that are unlike the others of their script.
- `profile`: all of it in two passes over the sample.
- `sieve`: which rows a search lets through.
- `keeper`: `Profiles`, the verbs.
"""

from volano.data.profile.keeper import Profiles

__all__ = ["Profiles"]
