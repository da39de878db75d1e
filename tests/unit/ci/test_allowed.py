"""Which keys are struck from what is told: those that checks name, and long ones that are held."""

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.ci.allowed import secrets
from volano.ci.keeper import RECORD, REPLAY, Checks
from volano.ci.rules import Check
from volano.core.principal import Principal
from volano.evals.redacted import LEAST_HELD_CHARS

ANNA = Principal("person", "anna")


def test_words_that_local_servers_take_for_keys_are_not_struck(monkeypatch):
    monkeypatch.setenv("SORTER_KEY", "kulcs")
    monkeypatch.setenv("OTHER_KEY", "abc")
    held = ["EMPTY", "ollama", "none", " test ", "sk-held-12345 ", "a" * (LEAST_HELD_CHARS - 1)]
    checks = [Check("c", "s", model="m", key_env=name) for name in ("SORTER_KEY", "OTHER_KEY", "")]
    assert secrets(checks, held) == ["sk-held-12345", "kulcs"]


class Away:
    """What a check of this test does not get as far as, or takes as it comes."""

    def __getattr__(self, _name):
        return lambda *_, **__: None


class BrokenVaultError(Exception):
    pass


def broken():
    raise BrokenVaultError


def test_a_broken_vault_is_no_matter_where_nothing_is_recorded(tmp_path):
    repo = Repo(tmp_path / "repo", rows=1)
    repo.swap("prompts/router.yaml", "Be careful", "Be very careful")
    checks = Checks(
        *(Away() for _ in range(8)),
        open_repository=GitRepository, remembered=Away(), held=broken,
    )  # fmt: skip
    checks._prompt = lambda *_: None
    checks.check(repo.root, base="main", mode=REPLAY, by=ANNA)
    for told in ({"mode": REPLAY, "console": "https://v.example"}, {"mode": RECORD}):
        with pytest.raises(BrokenVaultError):
            checks.check(repo.root, base="main", by=ANNA, **told)
