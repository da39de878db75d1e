"""Monitor: is it as it should be, and as it was? Told first when it is not.

What enters: traces and feedback. What leaves: answers with their evidence.

- `drift`: has the traffic moved since a pinned window?
"""
