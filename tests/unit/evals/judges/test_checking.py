"""Judges as versions, checked against people over real HTTP, and scores corrected by that."""

import json
import random
from types import SimpleNamespace

import pytest

from simulators.judge import JudgeServer, kappa_of
from support.judges import PAIRWISE, RUBRIC, opened
from support.workspace import ANNA
from volano.core.errors import NotFoundError, UnavailableError
from volano.data import Datasets
from volano.evals import Evals
from volano.evals.candidates import Candidates
from volano.evals.errors import IsACheckError, NotAChoiceError, UnknownCandidateError
from volano.evals.examine import Examiner
from volano.evals.judges import errors
from volano.evals.judges.asked import each
from volano.evals.judges.checking import Checker
from volano.evals.judges.contest import Contests
from volano.evals.judges.judging import Shown, judge_one
from volano.evals.judges.keeper import Judges
from volano.evals.opening import ModelDoor
from volano.feedback.record import Feedback
from volano.jobs.keeper import Runs
from volano.web.pages import judging

QUESTIONS = ("Hol a csomagom?", "Где мой заказ?", "Wo ist mein Paket?", "我的订单在哪里？")
LENIENT = "judge,se=0.97,sp=0.7,length=0.05,refuse=0.04,garbled=0.1"


def answer(draw, at, rate=0.7, system=""):
    good = draw.random() < rate
    text = f"[{'good' if good else 'bad'}] válasz {system}{at}" + " szó" * draw.randint(3, 300)
    return good, text


def people(n, seed=1, rate=0.7):
    draw = random.Random(seed)
    rows = []
    for at in range(n):
        good, text = answer(draw, at, rate)
        row = {
            "text": f"{QUESTIONS[at % 4]} {at}",
            "answer": text,
            "label": "yes" if good else "no",
        }
        rows.append(("train", row))
    return rows


class Said:
    """What was said, page by page, as `Feedbacks.since` gives it."""

    def __init__(self):
        self.all = []

    def put(self, trace, value, by="anna", **more):
        more = {"name": "helpful", "value": value, **more}
        at = len(self.all) + 1
        self.all.append(Feedback(f"f{at}", trace, at, by, "", seq=at, **more))

    def since(self, seq, *, name, limit):
        return tuple(one for one in self.all if one.seq > seq and one.name == name)[: min(limit, 7)]


class Told:
    """Traces by id: a question and an answer."""

    def __init__(self):
        self.texts = {}

    def by_ids(self, ids):
        return {
            one: SimpleNamespace(input_text=f"q {one}", output_text=self.texts[one], release="r@1")
            for one in ids
            if one in self.texts
        }


@pytest.fixture
def desk(desk, server):
    folder = desk.folder
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)

    def look_up(name):
        if name != "sim":
            raise NotFoundError(name)

    candidates = Candidates(desk.models, desk.flows, desk.prompts, look_up)
    door = ModelDoor(
        candidates, desk.models, examiner.chat, lambda _t, model: opened(desk.server, model)
    )
    desk.said, desk.told, desk.secrets, desk.server = Said(), Told(), [], server
    desk.judges = Judges(desk.catalog, desk.evals, door)
    desk.checker = Checker(
        desk.runs,
        desk.catalog,
        desk.judges,
        desk.datasets,
        (desk.said, desk.told),
        door.open,
        held=lambda: desk.secrets,
    )
    desk.contests = Contests(
        desk.runs, desk.catalog, desk.judges, desk.datasets, desk.evals, door.open,
        held=lambda: desk.secrets,
    )  # fmt: skip
    yield desk
    desk.runs.close()


def save(desk, model=LENIENT, text=RUBRIC, name="helpful", **more):
    return desk.judges.save(text=text.replace("model: m", f'model: "sim:{model}"'), name=name,
                            by=ANNA, **more)  # fmt: skip


def checked(desk, ref="helpful", **given):
    if not desk.runs.launched:
        desk.runs.launch()
    run = desk.runs.wait(desk.checker.check(ref, by=ANNA, **given).id, 100)
    assert run.state == "done", run.error
    return desk.judges.report(run.outputs["ref"])


def reported(desk, server, name, rate, model=LENIENT, n=600, seed=7):
    """Keep a report as a suite with this judge would: each answer with the judge's score."""
    draw, lines, truth = random.Random(seed), [], []
    judge = desk.judges.read("helpful")
    with opened(server, model) as chat:
        for at in range(n):
            good, text = answer(draw, at, rate, name)
            said = judge_one(judge, Shown(f"q{at}", text), lambda _name: chat, desk.judges.read)
            value = said.scores["helpful"]
            value = value if isinstance(value, float) else None
            lines.append(
                {"id": f"r{at}", "answer": text, "error": None, "scores": {"helpful": value}}
            )
            truth.append(good)
    made = desk.catalog.record(
        "report", name,
        files={"answers.jsonl": "".join(json.dumps(one) + "\n" for one in lines).encode()},
        meta={"subject": f"model/{name}@1", "dataset": "q@1", "split": "test",
              "scorers": [{"judge": {"judge": judge.ref}}, "exact_match"]},
        by=ANNA,
    )  # fmt: skip
    heard = [
        good for good, one in zip(truth, lines, strict=True) if one["scores"]["helpful"] is not None
    ]
    return made.ref, sum(heard) / len(heard)


def test_a_judge_is_kept_in_versions_with_its_model_pinned(desk):
    first = save(desk)
    assert first.ref == "helpful@1"
    assert desk.judges.read("helpful").model == f"sim:{LENIENT}"
    assert save(desk).ref == "helpful@1"
    assert save(desk, "judge").ref == "helpful@2"
    assert [one["ref"] for one in desk.judges.list()] == ["helpful@2", "helpful@1"]
    desk.models.add_pointer("own", url="http://127.0.0.1:9/v1", model="x", by=ANNA)
    own = desk.judges.save(text=RUBRIC.replace("model: m", "model: own"), name="o", by=ANNA)
    shown = desk.judges.show(own.ref)
    assert shown["model"] == "own@1"
    assert shown["pinned"] == str(desk.models.get("own").digest)
    assert {one.digest for one in own.manifest.parents} == {desk.models.get("own").digest}
    with pytest.raises(UnknownCandidateError):
        desk.judges.save(text=RUBRIC, name="nobody", by=ANNA)
    with pytest.raises(errors.BadJudgeError, match="name"):
        desk.judges.save(text=RUBRIC, by=ANNA)


def test_a_judge_that_nobody_checked_is_not_to_be_trusted_alone(desk, server):
    save(desk)
    standing = desk.judges.standing("helpful")
    assert (standing["trusted"], standing["check"]) == (False, None)
    ref, _ = reported(desk, server, "one", 0.6, n=12)
    assert desk.judges.of_report(ref)[0]["told"].startswith("helpful@1 is not to be trusted alone")
    with pytest.raises(errors.NoCalibrationError, match="helpful@1"):
        desk.judges.correct("helpful", report=ref)


def test_a_check_finds_what_was_planted(desk):
    save(desk)
    desk.datasets.write("people", people(400), meta={}, by=ANNA)
    found = checked(desk, data="people", again=40, at_once=8)
    one = found["scores"][0]
    assert one["unmeasured"].keys() == {next(iter(one["unmeasured"]))}
    assert "refused" in next(iter(one["unmeasured"]))
    assert one["n"] + sum(one["unmeasured"].values()) == 400
    assert one["sensitivity"]["low"] < 0.99
    assert one["specificity"]["value"] < one["sensitivity"]["value"]
    assert one["kappa"]["low"] < one["kappa"]["value"] < one["kappa"]["high"]
    assert one["matched"] > one["kappa"]["value"] + 0.1
    assert one["gap"]["low"] > 0
    assert 0 < one["length"]["value"] < 0.15
    assert one["retest"]["same"] == 1.0
    assert one["position"] is None
    assert sum(cell[2] for cell in one["confusion"]) == one["n"]
    assert "| kappa |" in found["markdown"]
    assert desk.judges.show("helpful")["checks"] == [found["ref"]]
    with pytest.raises(IsACheckError):
        desk.evals.report(found["ref"])
    with pytest.raises(NotAChoiceError):
        desk.evals.table(found["ref"])


def test_kappa_is_that_of_the_planted_rates(desk):
    save(desk, "judge,se=0.9,sp=0.8")
    desk.datasets.write("people", people(800), meta={}, by=ANNA)
    one = checked(desk, data="people", again=0, at_once=8)["scores"][0]
    assert one["kappa"]["low"] < kappa_of(0.7, 0.9, 0.8) < one["kappa"]["high"]
    assert one["length"]["low"] < 0 < one["length"]["high"]
    assert one["trusted"]


def test_below_its_threshold_a_judge_is_marked_wherever_its_scores_appear(desk, server):
    save(desk, "judge,se=0.75,sp=0.6")
    desk.datasets.write("people", people(200), meta={}, by=ANNA)
    found = checked(desk, data="people", again=0)
    assert "not to be trusted alone: kappa" in found["verdict"]
    ref, _ = reported(desk, server, "one", 0.6, "judge,se=0.75,sp=0.6", n=60)
    told = desk.judges.correct("helpful", report=ref)
    assert told["notes"][0] == found["verdict"]
    assert desk.judges.of_report(ref)[0]["trusted"] is False
    save(desk, "judge,se=0.75,sp=0.6", RUBRIC + "trusted: 0.1\n", "easy")
    assert checked(desk, "easy", data="people", again=0)["scores"][0]["trusted"]


def test_a_judge_that_wavers_is_found_by_asking_again(desk):
    save(desk, "judge,se=0.7,sp=0.7,noise=1")
    desk.datasets.write("people", people(120), meta={}, by=ANNA)
    retest = checked(desk, data="people", again=120, at_once=8)["scores"][0]["retest"]
    assert retest["same"] < 0.8


def test_a_pairwise_judge_that_likes_the_first_is_found_out(desk):
    save(desk, "judge,first=0.3", PAIRWISE, "better")
    draw, rows = random.Random(3), []
    for at in range(150):
        (one, a), (two, b) = answer(draw, at, 0.6, "A"), answer(draw, at, 0.4, "B")
        label = "tie" if one == two else "first" if one else "second"
        row = {"text": f"q{at}", "answer": a, "rival": b, "label": label}
        rows.append(("train", row))
    desk.datasets.write("pairs", rows, meta={}, by=ANNA)
    place = checked(desk, "better", data="pairs", again=0)["scores"][0]["position"]
    assert place["low"] > 0.1
    assert place["flips"] > 0.15


def test_a_corrected_mean_comes_back_to_what_people_say(desk, server):
    save(desk, "judge,se=0.97,sp=0.6")
    desk.datasets.write("people", people(300, rate=0.55), meta={}, by=ANNA)
    checked(desk, data="people", again=0, at_once=8)
    ref, truth = reported(desk, server, "one", 0.55, "judge,se=0.97,sp=0.6")
    told = desk.judges.correct("helpful", report=ref)
    assert told["raw"]["low"] > truth + 0.08
    for way in ("corrected", "cross_check"):
        assert told[way]["low"] < truth < told[way]["high"]
    assert "People would give" in told["verdict"]
    assert "cross-check (Rogan-Gladen)" in told["markdown"]


def test_answers_of_another_kind_than_those_labelled_are_told(desk, server):
    """People labelled answers of which 40 % were good; of the judged ones 90 % are."""
    save(desk, "judge,se=0.9,sp=0.8")
    desk.datasets.write("people", people(300, rate=0.4), meta={}, by=ANNA)
    checked(desk, data="people", again=0, at_once=8)
    ref, truth = reported(desk, server, "one", 0.9, "judge,se=0.9,sp=0.8")
    told = desk.judges.correct("helpful", report=ref)
    assert any("not drawn alike" in note for note in told["notes"])
    assert told["cross_check"]["low"] < truth < told["cross_check"]["high"]


def test_a_difference_of_two_systems_is_corrected_where_people_labelled_both(desk, server):
    model = "judge,se=0.95,sp=0.6"
    save(desk, model)
    draw, rows = random.Random(5), []
    for at in range(120):
        for system, rate in (("one", 0.4), ("two", 0.7)):
            good, text = answer(draw, at, rate, system)
            rows.append(("train", {"text": f"q{at}", "answer": text, "system": f"{system}@1",
                                   "label": good, "row": f"old{at}", "cluster": f"old{at}"}))  # fmt: skip
    desk.datasets.write("people", rows, meta={}, by=ANNA)
    checked(desk, data="people", again=0, at_once=8)
    first, low = reported(desk, server, "one", 0.4, model)
    second, high = reported(desk, server, "two", 0.7, model, seed=8)
    told = desk.judges.correct("helpful", report=second, against=first)
    assert told["labelled"] == 120
    for way in ("corrected", "cross_check"):
        assert told[way]["low"] < high - low < told[way]["high"]
    assert told["raw"]["value"] < high - low
    assert "People would find it better" in told["verdict"]


def test_without_labels_of_both_systems_only_the_cross_check_is_given(desk, server):
    save(desk, "judge,se=0.95,sp=0.6")
    desk.datasets.write("people", people(120), meta={}, by=ANNA)
    checked(desk, data="people", again=0)
    first, _ = reported(desk, server, "one", 0.4, n=80)
    second, _ = reported(desk, server, "two", 0.7, n=80)
    told = desk.judges.correct("helpful", report=second, against=first)
    assert told["corrected"] is None
    assert told["cross_check"] is not None
    assert any("PPI++ of a difference needs" in note for note in told["notes"])


def test_every_row_is_asked_once_and_some_twice(desk, server):
    save(desk, "judge,se=0.9,sp=0.9")
    desk.datasets.write("people", people(30), meta={}, by=ANNA)
    server.seen.clear()
    checked(desk, data="people", again=10)
    assert len(server.seen) == 40


def test_asking_that_was_cut_off_goes_on_where_it_was(tmp_path):
    seen = []

    def ask(item):
        seen.append(item)
        if item == 5 and seen.count(5) == 1:
            raise UnavailableError
        return {"value": item}

    items = {str(at): at for at in range(10)}
    given = {"path": tmp_path / "journal", "about": {"judge": "a@1"}, "at_once": 1}
    with pytest.raises(UnavailableError):
        each(items, ask, **given)
    found = each(items, ask, **given)
    assert [one["value"] for one in found.values()] == [*range(10)]
    assert all(seen.count(at) == (2 if at == 5 else 1) for at in range(10))


def test_rows_that_cannot_calibrate_are_refused_before_anything_is_asked(desk, server):
    save(desk)
    server.seen.clear()
    desk.datasets.write("few", people(5), meta={}, by=ANNA)
    desk.datasets.write(
        "odd", [("train", {"text": "a", "answer": "b", "label": "vielleicht"})], meta={}, by=ANNA
    )
    desk.datasets.write("bare", [("train", {"text": "a", "label": "yes"})], meta={}, by=ANNA)
    for data, error in (("few", errors.NoLabelsError), ("odd", errors.BadLabelledRowError),
                        ("bare", errors.BadLabelledRowError), (None, errors.NoLabelsError)):  # fmt: skip
        with pytest.raises(error):
            desk.checker.check("helpful", data=data, by=ANNA)
    assert server.seen == []


def test_a_panel_of_judges_is_checked_with_their_agreement(desk):
    save(desk, "judge,se=0.9,sp=0.9", name="one")
    save(desk, "judge,se=0.8,sp=0.8", name="two")
    save(desk, "judge,se=0.85,sp=0.85", name="three")
    jury = desk.judges.save(text="kind: panel\njudges: [one, two, three]", name="jury", by=ANNA)
    assert desk.judges.read("jury").judges == ("one@1", "two@1", "three@1")
    assert len(jury.manifest.parents) == 3
    desk.datasets.write("people", people(150), meta={}, by=ANNA)
    found = checked(desk, "jury", data="people", again=0, at_once=8)
    assert [one["name"] for one in found["scores"]] == ["jury"]
    assert 0 < found["members"]["value"] < 1
    with pytest.raises(errors.BadJudgeError, match="all rubric"):
        desk.judges.save(text="kind: panel\njudges: [jury, one]", name="deep", by=ANNA)


def test_a_contest_of_reports_names_a_winner_only_where_it_is_sure(desk, server):
    save(desk, "judge")
    save(desk, "judge,first=0.2", PAIRWISE, "better")
    rows = [("test", {"text": f"q{at}", "label": "?"}) for at in range(60)]
    desk.datasets.write("q", rows, meta={}, by=ANNA)
    ids = [row["id"] for row in desk.datasets.stream("q", "test")]
    refs = [
        written(desk, name, rate, ids) for name, rate in (("low", 0.2), ("high", 0.9), ("mid", 0.5))
    ]
    desk.runs.launch()
    run = desk.contests.compare("better", reports=[",".join(refs)], by=ANNA, at_once=8)
    done = desk.runs.wait(run.id, 100)
    assert done.state == "done", done.error
    found = desk.judges.report(done.outputs["ref"])
    assert list(found["strengths"]) == ["high@1", "mid@1", "low@1"]
    assert found["verdict"] == "The judge prefers high@1 to every other."
    assert found["position"]["low"] > 0
    assert "not to be trusted alone" in found["notes"][0]
    assert "| high@1 |" in found["markdown"]
    with pytest.raises(errors.WrongKindError):
        desk.contests.compare("helpful", reports=refs, by=ANNA)
    with pytest.raises(errors.NothingComparedError):
        desk.contests.compare("better", reports=refs[:1], by=ANNA)


def written(desk, name, rate, ids):
    draw = random.Random(name)
    lines = [
        {"id": row, "answer": answer(draw, at, rate, name)[1], "error": None, "scores": {}}
        for at, row in enumerate(ids)
    ]
    return desk.catalog.record(
        "report", name,
        files={"answers.jsonl": "".join(json.dumps(one) + "\n" for one in lines).encode()},
        meta={"subject": f"model/{name}@1", "dataset": "q@1", "split": "test"}, by=ANNA,
    ).ref  # fmt: skip


def test_what_people_said_on_traces_calibrates_a_judge(desk):
    save(desk, "judge")
    draw = random.Random(2)
    for at in range(30):
        good, desk.told.texts[f"t{at}"] = answer(draw, at)
        desk.said.put(f"t{at}", float(good))
    desk.told.texts |= {"split": "[good] a", "machine": "[good] b", "taken": "[good] c"}
    desk.said.put("split", 1.0)
    desk.said.put("split", 0.0, by="boris")
    desk.said.put("machine", 0.0, source="judge")
    desk.said.put("taken", 0.0, current=False)
    desk.said.put("unknown", 1.0)
    found = checked(desk, feedback="helpful", again=0)
    assert found["n"] == 30
    assert found["where"] == "feedback helpful"
    assert found["scores"][0]["kappa"]["value"] == 1.0


def test_the_console_shows_checks_contests_and_corrections(desk, server):
    save(desk, "judge,se=0.97,sp=0.6")
    desk.datasets.write("people", people(80), meta={}, by=ANNA)
    found = checked(desk, data="people", again=20)
    checked(desk, data="people", again=0)
    shown = judging.sections(desk, desk.catalog.get("report", found["ref"]))
    assert [one.template for one in shown] == ["bars", "table", "facts", "table"]
    ref, _ = reported(desk, server, "one", 0.6, n=60)
    (facts,) = judging.corrections(desk, desk.catalog.get("report", ref))
    assert {"raw", "corrected"} <= desk.judges.of_report(ref)[0].keys()
    assert len(facts.facts) >= 4


KEY = "sk-echo-0123456789-äöü"


class Echo(JudgeServer):
    """Repeats a key: in its reasons, escaped too, in what is no verdict, and as it refuses."""

    def __init__(self, refuses=0):
        super().__init__()
        self.why, self.refuses = KEY, refuses

    def answer(self, body):
        status, said = super().answer(body)
        status = self.refuses or status
        if status != 200:
            return status, {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        message = said["choices"][0]["message"]
        message["content"] = message["content"].replace("mert így van", self.why)
        if not message["content"].startswith("{"):
            message["content"] = f"{'x' * 66} {KEY}"  # is clipped within the key
        return status, said


@pytest.mark.parametrize("why", [KEY, KEY.replace("-", "\\u002d"), f"cut {KEY[:14]}"])
def test_a_key_that_a_judges_server_repeats_is_in_no_check_and_no_contest(desk, why):
    desk.secrets, desk.server = [KEY], Echo()
    desk.server.why = why
    save(desk, "judge,refuse=0.2,garbled=0.3,stubborn", name="open")
    save(desk, "judge,refuse=0.2,garbled=0.3,stubborn", PAIRWISE, name="pair")
    desk.datasets.write("people", people(40), meta={}, by=ANNA)
    rows = [("test", {"text": f"q{at}", "label": "?"}) for at in range(20)]
    desk.datasets.write("q", rows, meta={}, by=ANNA)
    ids = [row["id"] for row in desk.datasets.stream("q", "test")]
    reports = [written(desk, name, rate, ids) for name, rate in (("a", 0.3), ("b", 0.8))]
    try:
        check = checked(desk, "open", data="people", again=0)
        run = desk.runs.wait(desk.contests.compare("pair", reports=reports, by=ANNA).id, 100)
    finally:
        desk.server.stop()
    assert run.state == "done", run.error
    said = {text for row in desk.judges.labelled(check["ref"])
            for text in (*row.unmeasured.values(), *row.whys.values())}  # fmt: skip
    assert {"***" in one for one in said} == {True}
    assert not [one for one in said if KEY[:8] in one]
    for path in desk.folder.rglob("*"):
        assert not path.is_file() or KEY[:14].encode() not in path.read_bytes(), path


def test_a_key_that_a_judges_server_repeats_as_it_refuses_all_is_in_no_error_of_the_run(desk):
    desk.secrets, desk.server = [KEY], Echo(refuses=401)
    save(desk, "judge")
    desk.datasets.write("people", people(20), meta={}, by=ANNA)
    desk.runs.launch()
    try:
        run = desk.runs.wait(desk.checker.check("helpful", data="people", by=ANNA).id, 100)
    finally:
        desk.server.stop()
    assert run.state == "done", run.error
    (said,) = {
        text for row in desk.judges.labelled(run.outputs["ref"]) for text in row.unmeasured.values()
    }
    assert said.endswith("provided: ***.")
    for path in desk.folder.rglob("*"):
        assert not path.is_file() or KEY[:14].encode() not in path.read_bytes(), path
