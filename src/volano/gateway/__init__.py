"""The data plane: one HTTP door for every model call.

A worker process serves `/v1/` itself and relays every other path to the control
process. What it may do is an immutable snapshot (`snapshot.py`) that control
publishes and workers swap; what it did goes to the spool, one frame a call.
`path.py` tells the story of a request on one screen.
"""
