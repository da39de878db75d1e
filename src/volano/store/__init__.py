"""What was made and what was done: bytes by digest, versions by name, and the ledger.

What enters: bytes, names, parents, and the principal who acts. What leaves:
`Artifact`s that never change, and `Event`s that prove who did what.

- `Database`: one schema on SQLite or Postgres, one writer at a time.
- `Blobs`: bytes in packs, named by sha256, checked whenever they are read.
- `Ledger`: an append-only Merkle tree of events whose content can be erased.
- `Catalog`: artifacts, their numbers, labels and lineage; built on the three.
"""

from volano.store.artifact import Artifact, LineageNode
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Event, Ledger

__all__ = ["Artifact", "Blobs", "Catalog", "Database", "Event", "Ledger", "LineageNode"]
