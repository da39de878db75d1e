"""Suites as Runs, over a server that speaks chat completions."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simulators.counting import Counting
from simulators.upstream import Upstream
from support.workspace import ANNA
from volano.data import Datasets
from volano.evals import Evals
from volano.evals.candidates import Candidates
from volano.evals.errors import BadOnError, BadSuiteError
from volano.evals.examine import Examiner
from volano.evals.on import Respondents
from volano.evals.pace import Patience
from volano.evals.remembered import Remembered
from volano.evals.scoring import SCORERS, scorer
from volano.evals.suite import Suite
from volano.evals.suites import Suites
from volano.jobs.keeper import Runs
from volano.store.errors import UnknownArtifactError

HEARD = "Hello wörld 你好 🎡."
ROWS = [{"text": f"{n}. kérdés", "label": HEARD if n % 4 else "other"} for n in range(44)]
PLAIN = {"name": "plain", "data": "tickets", "scorers": ["exact_match"], "limits": {"tries": 2}}


if "test_suites_broken" not in SCORERS:

    @scorer("test_suites_broken")
    def broken(answer, label):
        """Break on every answer."""
        raise RuntimeError("сломан")


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def desk(desk, upstream, migrated):
    folder = desk.folder
    migrated.put_jobs(folder)
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)

    def no_target(name):
        raise UnknownArtifactError(kind="target", ref=name)

    candidates = Candidates(desk.models, desk.flows, desk.prompts, no_target)
    desk.suites = Suites(
        desk.runs, desk.catalog, desk.datasets, desk.evals, examiner,
        Respondents(candidates, desk.models, desk.prompts),
        remembered=Remembered(folder / "answers.db"), patience=Patience(2, 3, 0.01),
    )  # fmt: skip
    desk.datasets.add("tickets", ROWS[40:], test=ROWS[:40], by=ANNA)
    desk.runs.launch()
    upstream.seen.clear()
    yield desk
    desk.runs.close()


def run(desk, suite, on, **more):
    started = desk.suites.run(suite, on=on, by=ANNA, **more)
    done = desk.runs.wait(started.id, 60)
    return done, done.outputs or {}


def test_a_suite_is_asked_and_ends_as_a_report_with_its_lineage(desk, upstream):
    suite = {**PLAIN, "repetitions": 2, "gates": ["exact_match >= 0.7", "exact_match < 0.8"]}
    done, out = run(desk, suite, f"{upstream.url}/v1#ok")
    assert done.state == "done", done.error
    assert (out["outcome"], out["asked"], out["remembered"]) == ("passed", 80, 0)
    assert out["states"] == {"answered": 80, "empty": 0, "refused": 0, "cut": 0, "error": 0}
    report = desk.evals.report(out["ref"])
    assert (report.n, report.suite, report.summary.repetitions) == (40, "plain@1", 2)
    assert report.score("exact_match").value == 0.75
    made = desk.evals.get(out["ref"])
    assert [parent.role for parent in made.manifest.parents] == ["subject", "dataset", "suite"]
    lines = desk.evals.answers(out["ref"])
    assert {(line["id"], line["repetition"]) for line in lines} == {
        (line["id"], repetition) for line in lines for repetition in (0, 1)
    }


def test_what_was_answered_is_not_asked_again_unless_fresh(desk, upstream):
    on = f"{upstream.url}/v1#ok"
    run(desk, PLAIN, on)
    _, again = run(desk, {**PLAIN, "repetitions": 2, "name": "more"}, on)
    assert (again["asked"], again["remembered"]) == (40, 40)
    assert len(upstream.seen) == 80
    _, fresh = run(desk, PLAIN, on, fresh=True)
    assert (fresh["asked"], fresh["remembered"]) == (40, 0)
    assert len(upstream.seen) == 120


def test_the_same_suite_twice_is_one_version(desk):
    first = desk.suites.save(PLAIN, by=ANNA)
    assert desk.suites.save({"file": "plain.yaml", "text": "data: tickets\nscorers: [exact_match]\n"
                             "limits: {tries: 2}"}, by=ANNA) == first  # fmt: skip
    assert desk.suites.save(Suite("tickets", ("exact_match",), name="plain"), by=ANNA).number == 2
    assert [one.ref for one in desk.suites.list()] == ["plain@2", "plain@1"]
    assert desk.suites.read("plain@1").limits.tries == 2


def test_a_gate_says_no_and_a_broken_scorer_is_unmeasured(desk, upstream):
    on = f"{upstream.url}/v1#ok"
    _, out = run(desk, {**PLAIN, "gates": ["exact_match >= 0.9"]}, on)
    assert (out["outcome"], out["gates"][0]["found"]) == ("stopped", "no")
    _, out = run(desk, {**PLAIN, "scorers": ["exact_match", "test_suites_broken"]}, on)
    assert out["outcome"] == "unmeasured"
    assert "сломан" in out["why"]
    assert out["lacking"] == {"test_suites_broken": 1.0}
    report = desk.evals.report(out["ref"])
    assert report.score("exact_match").value == 0.75
    assert report.score("test_suites_broken") is None
    _, out = run(desk, {**PLAIN, "gates": ["nothing >= 0.9"]}, on)
    assert out["outcome"] == "unmeasured"


def test_a_later_suite_is_held_against_an_earlier_report(desk, upstream):
    on = f"{upstream.url}/v1#ok"
    _, first = run(desk, PLAIN, on)
    gate = f"exact_match not worse than {first['ref']} by 0.1"
    _, out = run(desk, {**PLAIN, "gates": [gate]}, on)
    assert out["outcome"] == "passed", out["why"]
    _, out = run(desk, {**PLAIN, "gates": [gate.replace("0.1", "0.02")]}, on)
    assert (out["outcome"], out["asked"]) == ("stopped", 0)
    assert "equal on 40 rows" in out["why"]
    with pytest.raises(UnknownArtifactError):
        desk.suites.run({**PLAIN, "gates": ["x not worse than none@1 by 0.1"]}, on=on, by=ANNA)


def test_rows_in_error_are_counted_and_too_many_of_them_are_not_a_measurement(desk, upstream):
    done, out = run(desk, PLAIN, f"{upstream.url}/v1#status-400")
    assert done.state == "done"
    assert out["outcome"] == "unmeasured"
    assert out["states"]["error"] == 40
    assert desk.evals.report(out["ref"]).score("exact_match") is None
    done, out = run(desk, PLAIN, f"{upstream.url}/v1#status-503")
    assert done.state == "failed"
    assert "503" in done.error.message
    assert done.error.away  # a retry goes on where it stopped


def test_rows_are_filtered_drawn_and_counted(desk, upstream):
    counting = Counting()
    suite = {**PLAIN, "filter": {"label": "other"}, "limit": 4, "seed": 3}
    _, out = run(desk, suite, f"{counting.url}/v1#m")
    assert out["asked"] == len(counting.asked) == 4
    done, _ = run(desk, {**PLAIN, "cluster": "ügyfél"}, f"{counting.url}/v1#m")
    assert "ügyfél" in done.error.message
    done, _ = run(desk, {**PLAIN, "limits": {"rows": 5}}, f"{counting.url}/v1#m")
    assert "40 rows" in done.error.message
    done, _ = run(desk, {**PLAIN, "limits": {"money": "1 USD"}}, f"{counting.url}/v1#m")
    assert "nobody knows" in done.error.message
    counting.stop()


def test_whom_to_ask_is_a_flow_a_model_or_a_prompt_with_a_model(desk, upstream):
    desk.models.add_pointer("far", url=upstream.url + "/v1", model="ok", by=ANNA)
    desk.prompts.save("ask", template="Q: {{input}}", by=ANNA)
    flow = desk.flows.compose("support", model="far", prompt="ask", by=ANNA)
    done, out = run(desk, PLAIN, "support")
    assert desk.evals.get(out["ref"]).manifest.parents[0].digest == flow.digest
    assert done.inputs["on"] == "flow/support@1"
    assert upstream.seen[0][1]["messages"][0]["content"].startswith("Q: ")
    _, out = run(desk, PLAIN, "model/far")
    assert out["ref"] == "far-on-plain@1"
    _, out = run(desk, PLAIN, "ask", model="far")
    assert out["remembered"] == 40
    assert desk.evals.report(out["ref"]).subject == "prompt/ask@1"


def test_a_prompt_gets_its_variables_from_the_columns_of_the_row(desk, upstream):
    desk.models.add_pointer("far", url=upstream.url + "/v1", model="ok", by=ANNA)
    rows = [{"text": f"Q{n}", "label": {"q": HEARD, "nyelv": "magyar"}} for n in range(2)]
    desk.datasets.add("named", rows[:1], test=rows[1:], by=ANNA)
    desk.prompts.save(
        "worded", by=ANNA,
        messages=[{"role": "system", "content": "{{ nyelv }}"}, {"role": "user", "content": "{{ input }}"}],
    )  # fmt: skip
    done, out = run(desk, {**PLAIN, "data": "named"}, "worded", model="far")
    assert done.state == "done", done.error
    assert out["asked"] == 1
    assert [one["content"] for one in upstream.seen[0][1]["messages"]] == ["magyar", "Q1"]
    done, _ = run(desk, PLAIN, "worded", model="far")
    assert "nyelv" in done.error.message


def test_a_scorer_of_ones_own_is_a_file_beside_the_suite_and_the_one_that_was_saved(
    desk, upstream, tmp_path
):
    (tmp_path / "checks.py").write_text(
        "def greets(answer, label):\n    return 'wörld' in answer\n"
    )
    text = "data: tickets\nscorers: [{python: 'checks.py:greets'}]\nname: own\n"
    given = {"file": "s.yaml", "text": text, "folder": str(tmp_path)}
    on = f"{upstream.url}/v1#ok"
    done, out = run(desk, given, on)
    assert done.state == "done", done.error
    assert desk.evals.report(out["ref"]).score("greets").value == 1
    assert len(desk.suites.read("own@1").own["checks.py:greets"]) == 64
    done, _ = run(desk, "own@1", on)
    assert "runs only where the owner" in done.error.message
    del given["folder"]
    with pytest.raises(BadSuiteError, match="runs only where the owner"):
        desk.suites.run(given, on=on, by=ANNA)
    (tmp_path / "sub").mkdir()
    with pytest.raises(BadSuiteError, match="does not lie in the suite's folder"):
        away = {
            "file": "s.yaml",
            "text": text.replace("checks", "../checks"),
            "folder": str(tmp_path / "sub"),
        }
        desk.suites.save(away, by=ANNA)


@pytest.mark.parametrize(
    ("on", "why"),
    [
        ("nobody", "no flow"),
        ("http://x/v1", "URL#MODEL"),
        ("ask", "needs a model"),
        (None, "nobody"),
    ],
)
def test_who_is_not_there_is_not_asked(desk, on, why):
    desk.prompts.save("ask", template="Q: {{input}}", by=ANNA)
    with pytest.raises(BadOnError, match=why):
        desk.suites.run(PLAIN, on=on, by=ANNA)
    assert desk.runs.list() == []


def test_what_cannot_be_read_starts_nothing(desk):
    with pytest.raises(BadSuiteError, match="line 2"):
        desk.suites.run({"file": "s.yaml", "text": "data: t\nscorer: [a]"}, on="x", by=ANNA)
    with pytest.raises(UnknownArtifactError):
        desk.suites.run({**PLAIN, "data": "elsewhere"}, on="x", by=ANNA)
    assert desk.runs.list() == []


def test_a_cancelled_suite_ends_soon(desk):
    counting = Counting(pause_s=0.5)
    suite = {**PLAIN, "limits": {"concurrency": 1}}
    started = desk.suites.run(suite, on=f"{counting.url}/v1#m", by=ANNA)
    while not counting.asked:
        pass
    desk.runs.cancel(started.id, by=ANNA)
    desk.runs.close(wait_s=10)
    assert desk.runs.get(started.id).state == "cancelled"
    assert len(counting.asked) < 10
    counting.stop()


def test_the_journal_of_answers_goes_when_the_report_is_kept_and_stays_for_a_retry(desk, upstream):
    done, _ = run(desk, PLAIN, f"{upstream.url}/v1#ok")
    assert done.state == "done"
    assert not (desk.folder / "jobs" / done.id / "answers.jsonl").exists()
    gone, _ = run(desk, {**PLAIN, "name": "gone"}, "http://127.0.0.1:9/v1#ok")
    assert gone.state == "failed"
    assert (desk.folder / "jobs" / gone.id / "answers.jsonl").exists()


def test_a_column_that_was_lost_on_the_way_in_tells_how_to_keep_it(desk, upstream):
    done, _ = run(desk, {**PLAIN, "cluster": "vevő"}, f"{upstream.url}/v1#ok")
    assert done.state == "failed"
    assert "`vevő`" in done.error.message
    assert "label, text" in done.error.hint
    assert "add its file again" in done.error.hint


@pytest.mark.parametrize(
    "scorer", [{"judge": {"judge": "nincs@1"}}, {"support": {"judge": "nincs"}}]
)
def test_a_judge_that_is_not_there_is_told_before_anybody_is_asked(desk, upstream, scorer):
    suite = {**PLAIN, "scorers": ["exact_match", scorer]}
    with pytest.raises(UnknownArtifactError, match="nincs"):
        desk.suites.run(suite, on=f"{upstream.url}/v1#ok", by=ANNA)
    assert upstream.seen == []
    assert desk.runs.list() == []


class Echo:
    """A server that repeats the key that it was asked with: in answers, in refusals, cut off too."""

    def __init__(self, *, status=200, key=""):
        self.status, self.key = status, key

    @contextmanager
    def serving(self):
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = self.headers["authorization"].removeprefix("Bearer ")
                said = body["messages"][-1]["content"]
                bad = echo.status != 200 or said.startswith("3.")
                answer = {"choices": [{"message": {"content": f"Ваш ключ {key} 你好 {key[:14]}…"}}]}
                refusal = {"error": {"message": f"Incorrect API key provided: {key}"}}
                data = json.dumps(refusal if bad else answer).encode()
                self.send_response(max(400, echo.status) if bad else 200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


KEY = "sk-echo-0123456789-abcdef"


def everywhere(folder):
    """Yield the files in which a key stands."""
    for path in folder.rglob("*"):
        if path.is_file() and KEY[:14].encode() in path.read_bytes():
            yield path.name


def test_a_key_that_a_server_repeats_is_in_no_report_and_no_memory(desk, monkeypatch):
    monkeypatch.setenv("ECHO_KEY", KEY)
    with Echo().serving() as url:
        done, out = run(desk, PLAIN, f"{url}/v1#m", key_env="ECHO_KEY")
    assert done.state == "done", done.error
    assert (out["states"]["answered"], out["states"]["error"]) == (39, 1)
    lines = desk.evals.answers(out["ref"])
    assert {line["answer"] for line in lines if not line["error"]} == {"Ваш ключ *** 你好 ***…"}
    assert [line["error"].endswith("provided: ***.") for line in lines if line["error"]] == [True]
    assert not [*everywhere(desk.folder)]


@pytest.mark.parametrize("key", ["token", "answer", "score"])
def test_a_key_that_is_a_field_of_ours_leaves_the_report_whole(desk, monkeypatch, key):
    monkeypatch.setenv("ECHO_KEY", key)
    with Echo().serving() as url:
        done, out = run(desk, PLAIN, f"{url}/v1#m", key_env="ECHO_KEY")
    assert done.state == "done", done.error
    lines = desk.evals.answers(out["ref"])
    assert {line["answer"].split(" 你好")[0] for line in lines if not line["error"]} == {
        "Ваш ключ ***"
    }
    assert {bool(line["scores"]) for line in lines} == {True}


def test_a_key_that_a_server_repeats_as_it_refuses_is_in_no_error_of_the_run(desk, monkeypatch):
    monkeypatch.setenv("ECHO_KEY", KEY)
    with Echo(status=401).serving() as url:
        done, _ = run(desk, PLAIN, f"{url}/v1#m", key_env="ECHO_KEY")
    assert done.state == "failed"
    assert "provided: ***" in done.error.message
    assert not [*everywhere(desk.folder)]


def test_a_key_that_is_held_is_struck_where_a_flow_is_asked(desk, monkeypatch):
    monkeypatch.setenv("ECHO_KEY", KEY)
    desk.evals._held = lambda: [KEY]
    with Echo().serving() as url:
        model = desk.models.add_pointer(
            "m", url=f"{url}/v1", model="m", key_env="ECHO_KEY", by=ANNA
        )
        flow = desk.flows.compose("m", model=model.ref, by=ANNA)
        done, out = run(desk, flow.ref, None, data="tickets")
    assert done.state == "done", done.error
    assert len(desk.evals.answers(out["ref"])) == 40
    assert not [*everywhere(desk.folder)]
