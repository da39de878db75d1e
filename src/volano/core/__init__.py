"""The nouns everything else speaks in. No I/O, no clock, no randomness of its own.

What enters: plain values. What leaves: frozen values with rules: `Ref`,
`Digest`, `Manifest`, `Score`, `Verdict`, `Money`, `Principal`, and the one
error root `VolanoError`. `core.ports` holds the protocols by which a lower
room asks for a higher power.
"""
