"""The command line: `volano <noun> <verb>`. One lazily loaded group a noun.

`volano --help` must answer within 0.15 s of CPU, so this file imports click and
nothing of volano's rooms.
"""

from volano.cli.root import main

__all__ = ["main"]
