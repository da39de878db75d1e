"""How much a template may be and do. Far above what a prompt needs, far below what hurts."""

TEMPLATE_CHARS = 100_000
"""Characters of one message's template."""
DEPTH = 40
"""Blocks and expressions within each other."""
LOOP = 10_000
"""Items that one `for` may go through."""
WORK = 200_000
"""Steps of one rendering; a text of n characters that is made or searched counts n / 100."""
OUTPUT_CHARS = 1_000_000
"""Characters that one rendering may write, over all messages."""
