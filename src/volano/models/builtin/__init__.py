"""The built-in model: a ticket router, so that volano answers something real at once.

It knows one thing: tickets as `volano.data.tickets` makes them, in all their
phrasings, answered as JSON. Other text gets JSON too, and wrong. It is here to
make the loop visible, not to be useful to anybody. `python -m
volano.models.builtin` makes it again from its recipe.
"""

from pathlib import Path

NAME = "ticket-router"
FOLDER = Path(__file__).parent
