"""Exchange: models come in from folders, hubs and tools, and go out as those read them.

What comes in is copied into a place of our own first, so that what was
checked is what is kept; then `found` says what it is, the walkers of
`volano.models.checks` read every file, and the keeper records it. Names of
files are known ones: what is not known is left out, and said.
"""
