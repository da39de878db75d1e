"""Git is read with care: nothing outside, nothing ignored, nothing through a link, no option."""

import subprocess

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.ci.errors import BadLinkError, NoBaseError, NotARepositoryError, ShallowError


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "tár ház", rows=3)


def test_a_folder_without_git_is_no_repository(tmp_path):
    with pytest.raises(NotARepositoryError):
        GitRepository(tmp_path)


def test_changed_are_edited_renamed_deleted_and_new_files_committed_or_not(repo):
    repo.git("mv", "data/tickets.jsonl", "data/заявки 客服.jsonl")
    repo.swap("prompts/router.yaml", "careful", "kind")
    repo.commit()
    (repo.root / "ci.yaml").unlink()
    repo.put("suites/új.yaml", "kind: Suite")
    git = GitRepository(repo.root)
    found = {(one.status, one.old, one.path) for one in git.changed(git.base("main").commit)}
    assert found == {
        ("R", "data/tickets.jsonl", "data/заявки 客服.jsonl"),
        ("M", "prompts/router.yaml", "prompts/router.yaml"),
        ("D", "ci.yaml", "ci.yaml"), ("A", "suites/új.yaml", "suites/új.yaml"),
    }  # fmt: skip
    assert git.at(git.base("main").commit, "prompts/router.yaml") != git.here("prompts/router.yaml")


def test_the_base_is_where_the_branch_left_and_not_what_came_after(repo):
    left = repo.git("rev-parse", "HEAD").strip()
    repo.git("checkout", "-q", "main")
    repo.put("later.txt", "later")
    repo.commit()
    repo.git("checkout", "-q", "work")
    repo.put("mine.txt", "mine")
    repo.commit()
    repo.git("checkout", "-q", "--detach")
    git = GitRepository(repo.root / "prompts")
    assert git.base("main").commit == git.base(None).commit == left
    assert [one.path for one in git.changed(left)] == ["mine.txt"]


def test_a_base_that_is_missing_is_told(repo):
    git = GitRepository(repo.root)
    for name in ("origin/nowhere", "--upload-pack=touch /tmp/x", "-h", "", "a b", "main^{tree}"):
        if name:
            with pytest.raises(NoBaseError):
                git.base(name)


def test_a_shallow_clone_is_told_as_what_it_is(repo, tmp_path):
    for n in range(3):
        repo.put("a.txt", str(n))
        repo.commit()
    url = f"file://{repo.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", "--branch", "work", url, tmp_path / "s"],
                   check=True, timeout=60)  # fmt: skip
    git = GitRepository(tmp_path / "s")
    with pytest.raises(ShallowError, match="shallow"):
        git.base("origin/main")


def test_a_history_without_a_common_commit_is_no_base(repo):
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit()
    with pytest.raises(NoBaseError):
        GitRepository(repo.root).base("main")


def test_links_git_itself_and_what_is_ignored_are_not_read(repo, tmp_path):
    secret = tmp_path / "secret.jsonl"
    secret.write_text("SECRET")
    (repo.root / "data/link.jsonl").symlink_to(secret)
    (repo.root / "outside").symlink_to(tmp_path, target_is_directory=True)
    repo.put(".gitignore", ".env\n")
    repo.put(".env", "KEY=SECRET")
    repo.commit()
    git = GitRepository(repo.root)
    for path in ("data/link.jsonl", "outside/secret.jsonl", ".env", ".git/config", "../secret.jsonl",
                 str(secret)):  # fmt: skip
        assert git.here(path) is None
        assert git.at("HEAD", path) is None
    with pytest.raises(BadLinkError):
        git.put("outside/new.jsonl", b"x")
    assert not (tmp_path / "new.jsonl").exists()


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(repo, tmp_path):
    secret = tmp_path / "kept.txt"
    secret.write_text("as it was")
    (repo.root / "recordings").mkdir()
    (repo.root / "recordings/a.jsonl").symlink_to(secret)
    GitRepository(repo.root).put("recordings/a.jsonl", b"new")
    assert secret.read_text() == "as it was"
    assert (repo.root / "recordings/a.jsonl").read_bytes() == b"new"


def test_no_program_that_a_repository_names_is_run(repo, tmp_path):
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command"):
        repo.git("config", name, str(program))
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/attributes").write_text("* diff=evil\n")
    repo.put("ci.yaml", "checks: []")
    git = GitRepository(repo.root)
    assert git.changed(git.base("main").commit)
    assert not mark.exists()


def test_a_variable_of_git_does_not_lead_elsewhere(repo, tmp_path, monkeypatch):
    other = Repo(tmp_path / "other", rows=1)
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    assert GitRepository(repo.root).root == repo.root.resolve()


def test_a_name_is_found_however_its_letters_are_composed(repo):
    repo.put("data/ta\u0301bla.jsonl", "x")
    assert GitRepository(repo.root).here("data/t\u00e1bla.jsonl") == b"x"
