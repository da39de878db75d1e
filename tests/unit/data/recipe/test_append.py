"""Sources that are appended to: what was read stays, and only what is new is read."""

import json

import pytest
from sqlalchemy import create_engine, text
from toy_steps import Drop, Unique

from volano.data.recipe import Recipe
from volano.data.recipe.engine import Input
from volano.data.recipe.errors import UnreadableRecipeError
from volano.data.sources import open_source


def appending(kitchen, spec, root=None, steps=(), seen=None):
    """Prepare a source that is appended to; `seen` hears the states it is opened with."""

    def opened(state=None):
        if seen is not None:
            seen.append(state)
        return open_source({**spec, "append": True}, root=root, state=state)

    engine = kitchen.engine()
    prepared = engine.run([Input("toys", opened, append=True)], steps)
    return list(engine.rows(prepared)), prepared


def test_a_table_is_read_on_from_its_cursor(kitchen, database_url):
    engine = create_engine(database_url)
    url = database_url.render_as_string(hide_password=False)
    spec = {"sql": url, "table": "tickets", "cursor": "id"}

    def write(*numbers):
        with engine.begin() as conn:
            for n in numbers:
                conn.execute(text("INSERT INTO tickets VALUES (:n, :t)"), {"n": n, "t": f"я{n}"})

    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE tickets (id INTEGER, text TEXT)"))
    write(*range(1, 11))
    first, _ = appending(kitchen, spec)
    assert [row["id"] for row in first] == list(range(1, 11))
    same, made = appending(kitchen, spec)
    assert (same, made.steps[0].counts()["in"]) == (first, 10)
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM tickets WHERE id < 5"))
    write(11, 12)
    seen = []
    more, made = appending(kitchen, spec, seen=seen)
    assert seen[0] is not None
    assert [row["id"] for row in more] == list(range(1, 13))
    assert (more[:10], made.rows) == (first, 12)
    kitchen.cache.clear()
    assert [row["id"] for row in appending(kitchen, spec)[0]] == list(range(5, 13))
    engine.dispose()


def test_new_files_are_read_and_whole_steps_see_all_rows(kitchen, tmp_path):
    def write(name, *texts):
        lines = [json.dumps({"n": n, "text": t}) for n, t in enumerate(texts, 1)]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")

    spec = {"files": "*.jsonl"}
    write("a.jsonl", "alma", "梨", "слива")
    steps = [Drop(by=9), Unique()]
    first, _ = appending(kitchen, spec, tmp_path, steps)
    (tmp_path / "a.jsonl").rename(tmp_path / "b.jsonl.done")
    write("b.jsonl", "körte", "alma")
    more, made = appending(kitchen, spec, tmp_path, steps)
    assert [row["text"] for row in more] == ["alma", "梨", "слива", "körte"]
    assert more[:3] == first
    assert made.steps[2].dropped == {"said before": 1}
    assert appending(kitchen, spec, tmp_path, steps)[1].content == made.content


def test_rows_are_there_once_though_a_later_step_failed(kitchen, tmp_path):
    class Stop(Exception):
        pass

    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    for _ in range(2):
        with pytest.raises(AttributeError):
            appending(kitchen, {"files": "*.jsonl"}, tmp_path, [Stop])
    (tmp_path / "b.jsonl").write_text('{"text": "b"}\n{bad')
    rows, made = appending(kitchen, {"files": "*.jsonl"}, tmp_path)
    assert [row["text"] for row in rows] == ["a", "b"]
    assert [one["reason"] for one in kitchen.engine().rejected(made)] == ["not JSON"]


def test_a_sample_reads_from_the_beginning_and_changes_nothing(kitchen, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": "b"}')
    spec = {"files": "*.jsonl"}
    one = Input("toys", lambda state=None: open_source(spec, root=tmp_path, state=state), True)
    for _ in range(2):
        assert kitchen.engine().run([one], [], sample=1).rows == 1
    assert len(appending(kitchen, spec, tmp_path)[0]) == 2


@pytest.mark.parametrize("spec", [{"rows": [], "append": True}, {"files": "x", "append": 1},
                                  {"dataset": "x", "append": True}])  # fmt: skip
def test_what_is_read_as_a_whole_is_not_appended_to(spec):
    with pytest.raises(UnreadableRecipeError, match="`append`"):
        Recipe.from_dict({"sources": [spec]})
