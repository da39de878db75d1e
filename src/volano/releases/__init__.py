"""Releases, channels and rollouts: what serves, and how traffic comes to it.

Here is the pure part, without I/O, clock or randomness:

- `plan`: the steps of a rollout and what must hold before each.
- `gates`: the evidence, counted once for each unit, and what it says.
- `pairs`: a room in the room: a candidate's unseen answers beside those that users got.
- `rollout`: `decide()`: advance, hold, go back, or done, and why.
"""
