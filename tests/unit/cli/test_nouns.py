"""The help of a noun with many verbs is ordered, and leaves none out."""

from click.testing import CliRunner

from volano.cli.nouns import SECTIONS
from volano.cli.root import root


def test_every_verb_of_data_has_its_section():
    shown = CliRunner().invoke(root, ["data", "--help"]).output
    assert "More:" not in shown
    heads = [
        line.rstrip(":") for line in shown.splitlines() if line.endswith(":") and line[0] != " "
    ]
    assert heads[1:] == list(SECTIONS["data"])
    assert len({name for names in SECTIONS["data"].values() for name in names}) == sum(
        map(len, SECTIONS["data"].values())
    )
