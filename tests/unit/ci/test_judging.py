"""What judges say is recorded and replayed; outside of recordings the workspace remembers it."""

from contextlib import nullcontext

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.ci.judging import JUDGE, JudgeAnswers, Unrecorded
from volano.ci.recordings import Recordings
from volano.core.errors import NotFoundError
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.remembered import Remembered
from volano.evals.scorers.embedding import Embedding
from volano.evals.scoring import BadScorerError
from volano.evals.tools import Toolbox

KEY = bytes(range(32))


def test_what_a_judge_said_is_in_the_file_and_comes_back(tmp_path):
    repo = Repo(tmp_path / "repo", rows=1)
    remembered = Remembered(tmp_path / "answers.db")

    def opened(mode):
        return JudgeAnswers(Recordings(GitRepository(repo.root), "recordings"), remembered, mode)

    first = opened("record")
    first.put({KEY: Answered("", "gut, 9 баллов")})
    Recordings(GitRepository(repo.root), "recordings").write("a", first.recorded)
    again = opened("replay")
    assert again.get([KEY, b"x" * 32])[KEY].answer == "gut, 9 баллов"
    assert [one.answered.id for one in again.recorded] == [JUDGE], "a later recording keeps it"
    assert remembered.get([KEY]) == {}
    live = opened("live")
    live.put({KEY: Answered("", "x")})
    assert live.get([KEY])[KEY].answer == "x"
    assert live.recorded == []


def test_a_replay_says_what_is_not_recorded_and_blames_no_model(tmp_path):
    judges = JudgeAnswers(Recordings(None, ""), Remembered(tmp_path / "answers.db"), "live")
    with Toolbox(lambda *_: nullcontext(Unrecorded()), lambda *_: ("", b""), judges) as box:
        tools = box.tools()
        with pytest.raises(BadScorerError, match="vectors are not recorded; run without --replay"):
            Embedding("far:e5").of(Case("1", "?", "schnell"), Answered("1", "gyors"), tools)
        with pytest.raises(NotFoundError, match="is not recorded"):
            tools.chat("far:judge")([{"role": "user", "content": "jó?"}])
