"""What can be proven of everything here: where it comes from, and what came of it.

- `Lineage`: one graph of sources, Runs, artifacts and channels, both ways; what a
  row ended up in; the Runs as OpenLineage events.
- `Courier`: tells those events to a collector, in the background.
"""
