"""A hint that names a command names one that exists."""

import re
from pathlib import Path

import pytest

import volano
from volano.cli.root import BARE, NOUNS
from volano.web.api import VERBS

SPOKEN = {noun: {verb.name for verb in VERBS if verb.noun == noun} for noun in NOUNS}
COMMAND = re.compile(r"volano ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?")


def commands():
    """All that stands as `volano ...` between backticks in our sources, and what verbs tell next."""
    for path in sorted(Path(volano.__file__).parent.rglob("*.py")):
        for text in re.findall(r"`(volano [^`]*)`", path.read_text("utf-8")):
            yield path.name, text
    for verb in VERBS:
        if verb.next:
            yield f"{verb.noun} {verb.name}", verb.next


@pytest.mark.parametrize(("where", "text"), sorted(set(commands())))
def test_it_exists(where, text):
    if text == "volano noun verb":
        return  # the pattern itself
    match = COMMAND.match(text)
    if match is None:
        assert re.match(r"volano [<{….-]", text), f"{where}: {text}"
        return
    noun, verb = match.groups()
    assert noun in {**BARE, **NOUNS}, f"{where}: there is no `volano {noun}`"
    if noun in NOUNS and verb:
        words = text.split()
        longer = " ".join(words[2:4])  # verbs of two words: `volano review queue list`
        known = {*SPOKEN[noun]}
        if words[3:4] in ([], ["…"]):  # all of them: `volano review queue …`
            known |= {name.split()[0] for name in known}
        assert {verb, longer} & known, f"{where}: there is no `volano {noun} {longer}`"
