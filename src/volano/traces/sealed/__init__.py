"""Sealed records: old rows as sorted Parquet files, and the hot rows with them as one.

What enters: rows of `calls` and `spans` that are old enough, or too many. What leaves: answers
over hot and sealed rows alike, through `Records`. In between `Sealer` writes files, `Folding`
makes few large ones of many small ones, `Retention` deletes what may no longer be kept, and
`Upkeep` does all that in the recorder's process, a bounded step at a time.

A file is written under another name, fsynced and renamed; then its line in the manifest and the
deletion of the hot rows are one SQLite transaction. So a row is hot or sealed, never both and
never neither, whoever is killed at whatever moment; a file that no line names is swept away.

`engine` and `file` load DuckDB and pyarrow, so that the processes that never look at a sealed
file import neither.
"""
