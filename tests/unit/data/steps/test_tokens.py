"""Token ids and sequences of them: nothing is lost, whatever the shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.stepping import FIVE, run
from volano.data.errors import BadStepError
from volano.data.step import Needs, settings_of
from volano.data.steps.pack import Pack
from volano.data.steps.tokenise import Tokenise
from volano.models.training import tokenizer as learning

END = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    learning.learn(FIVE.values(), vocab=400).save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("given", ["folder", "file"])
def test_texts_become_the_ids_of_the_tokenizer(folder, given):
    path = folder if given == "folder" else folder / "tokenizer.json"
    tokenizer = learning.load(folder / "tokenizer.json")
    ran = run(Tokenise(tokenizer=str(path)), [*FIVE.values(), "a\ud800", {"text": None}])
    assert [tokenizer.decode(row["tokens"]) for row in ran[:5]] == list(FIVE.values())
    assert ran.dropped == {"no text": 1}


def test_rows_with_too_many_ids_are_dropped(folder):
    ran = run(Tokenise(tokenizer=str(folder), max_tokens=5), ["a b", FIVE["zh"]])
    assert len(ran) == 1
    assert ran.dropped == {"too many tokens": 1}


def test_another_file_is_another_step(folder, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes((folder / "tokenizer.json").read_bytes())
    step = Tokenise(tokenizer=str(path))
    path.write_text("{}")
    assert Tokenise(tokenizer=str(path)).digest != step.digest
    with pytest.raises(BadStepError, match="not the file it was"):
        run(step, ["x"])
    with pytest.raises(BadStepError, match="is no tokenizer"):
        run(Tokenise(tokenizer=str(path)), ["x"])


def test_a_model_brings_its_tokenizer(folder, tmp_path):
    def file_of(ref, name):
        assert (ref, name) == ("router@3", "tokenizer.json")
        return folder / name

    needs = Needs(lambda _: [], file_of, tmp_path)
    told = Tokenise.resolve(settings_of(Tokenise(model="router@3")), needs)
    step = Tokenise(**told)
    assert run(step, ["a b"])[0]["tokens"]
    assert step.known_by() == Tokenise(tokenizer=str(folder)).known_by()
    with pytest.raises(BadStepError, match="there is a `tokenizer` too"):
        Tokenise.resolve({"model": "router@3", "tokenizer": "x"}, needs)


@pytest.mark.parametrize("path", ["", "/no/such/file", "gpt2"])
def test_a_tokenizer_is_a_file(path):
    with pytest.raises(BadStepError, match="cannot be read"):
        Tokenise(tokenizer=path)


def joined(rows, split=None):
    ours = [row for row in rows if row.get("split") == split]
    ours.sort(key=lambda row: row["origin"]["sequence"])
    ids = [token for row in ours for token in row["tokens"]]
    documents, one = [], []
    for token in ids:
        one.append(token)
        if token == END:
            documents.append(one)
            one = []
    assert one == []
    return documents


DOCUMENTS = st.lists(st.lists(st.integers(3, 2**32 - 1), max_size=12), max_size=30)


@examples(100)
@given(DOCUMENTS, st.integers(2, 9), st.integers(1, 6))
def test_no_document_is_lost_and_shards_do_not_matter(tmp_path_factory, documents, length, shards):
    def packed(parts):
        rows = [
            {"tokens": ids, "split": ("train", "test")[at % 3 == 2]}
            for at, ids in enumerate(documents)
        ]
        return run(
            Pack(length=length, end=END), rows, shards=parts, folder=tmp_path_factory.mktemp("p")
        )

    made, one = packed(shards), packed(1)
    for split in ("train", "test"):
        wanted = [
            [*ids, END]
            for at, ids in enumerate(documents)
            if ("test" if at % 3 == 2 else "train") == split
        ]
        assert joined(made, split) == joined(one, split) == wanted
    for row in made:
        assert len(row["tokens"]) <= length
        assert sum(row["documents"]) == len(row["tokens"])
        ends = [at + 1 for at, token in enumerate(row["tokens"]) if token == END]
        cuts = [sum(row["documents"][: n + 1]) for n in range(len(row["documents"]))]
        assert cuts == ends if row["tokens"][-1] == END else cuts == [*ends, len(row["tokens"])]
    short = [row for row in made if len(row["tokens"]) < length]
    assert len(short) <= 2


def test_the_last_sequence_can_be_filled_up(tmp_path):
    [row] = run(Pack(length=6, end=2, fill=0), [{"tokens": [5, 6]}], folder=tmp_path)
    assert row["tokens"] == [5, 6, 2, 0, 0, 0]
    assert row["documents"] == [3]


def test_rows_without_ids_are_dropped(tmp_path):
    rows = [
        {"tokens": [5]},
        {"tokens": "5"},
        {},
        {"tokens": [-1]},
        {"tokens": [2**32]},
        {"tokens": ["a"]},
    ]
    ran = run(Pack(length=4, end=2), rows, shards=2, folder=tmp_path)
    assert [row["tokens"] for row in ran] == [[5, 2]]
    assert ran.dropped == {"no token ids": 5}


@pytest.mark.parametrize(
    "settings", [{}, {"end": -2}, {"end": 2, "length": 1}, {"end": 2, "fill": -7}]
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Pack(**settings)


def test_nothing_makes_nothing(tmp_path):
    assert run(Pack(end=2), [], folder=tmp_path) == []
