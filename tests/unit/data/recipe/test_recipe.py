"""A recipe is read from YAML and from objects; whatever is not known is refused, with its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_steps import Drop, Stranger, Upper

from volano.core.errors import VolanoError
from volano.data.recipe import Recipe
from volano.data.recipe.errors import (
    RecipeNotFoundError,
    RecipeTooLargeError,
    SecretInRecipeError,
    UnreadableRecipeError,
    UnregisteredStepError,
)
from volano.data.steps.columns import Rename, Select
from volano.data.steps.labels import MapLabels

GOOD = """
dataset: ügyfél/support
seed: 7
sources:
  - path: "*.jsonl"
    columns: [no, yes, 1:30, 2020-01-01, 0123, 1e3, true, null]
steps:
  - rename: {columns: {body: text}}
  - step: map-labels
    table: {Bill: billing, no: 3}
  - toy-upper
  - toy-upper:
contract: {rows: 10}
parents: [faq@3]
"""


def test_yaml_says_what_objects_say():
    read = Recipe.from_yaml(GOOD)
    assert read.dataset == "ügyfél/support"
    assert read.steps == (
        Rename({"body": "text"}), MapLabels({"Bill": "billing", "no": 3}), Upper(), Upper(),
    )  # fmt: skip
    assert read.sources[0]["columns"] == [
        "no", "yes", "1:30", "2020-01-01", "0123", 1000.0, True, None,
    ]  # fmt: skip
    assert (read.contract, read.parents, read.seed) == ({"rows": 10}, ("faq@3",), 7)
    assert Recipe.from_dict(read.to_dict()) == read


def test_the_digest_names_what_a_recipe_does():
    read = Recipe.from_yaml(GOOD)
    assert read.digest() == Recipe.from_dict(read.to_dict()).digest()
    assert read.digest() != Recipe.from_yaml(GOOD.replace("seed: 7", "seed: 8")).digest()


@pytest.mark.parametrize(
    ("text", "said", "advice"),
    [
        ("seed: 1\nstepz: []", "r.yaml, line 2: a recipe has no `stepz`.", "`steps`"),
        ("steps:\n\n  - renam: {}", "r.yaml, line 3: there is no step `renam`.", "`rename`"),
        ("steps:\n  - rename:\n      colums: {a: b}", "r.yaml, line 3: the step `rename` has no setting `colums`.", "`columns`"),
        ("steps:\n  - step: rename\n    colums: {a: b}", "r.yaml, line 3: the step `rename` has no setting `colums`.", "`columns`"),
        ("steps:\n  - select", "r.yaml, line 2: the step `select` needs the setting `columns`.", ""),
        ("steps:\n  - select: {columns: []}", "r.yaml, line 2: The step `select` cannot have this `columns`: it is a list of columns.", ""),
        ("a: &x [1]\nb: *x", "r.yaml, line 1: anchors and aliases are not taken.", ""),
        ("seed: !!python/object:os.system {}", "r.yaml, line 1: tags (`!…`) are not taken.", ""),
        ("steps:\n  - rename:\n      columns: {}\n      columns: {}", "r.yaml, line 4: `columns` is there twice.", ""),
        ("steps: 3", "r.yaml, line 1: `steps` is a list.", ""),
        ("seed: yes", "r.yaml, line 1: the seed is a whole number.", ""),
        ("sources:\n- x.jsonl", "r.yaml, line 2: a source is an object, such as `files: rows.jsonl`.", ""),
        ("steps:\n- {no: x, y: 1}", "r.yaml, line 2: a step is", ""),
        ("dataset: ../x", "r.yaml, line 1: `../x` is not a name of an artifact.", ""),
        ("parents: ['a b']", "r.yaml, line 1: `a b` is not a name", ""),
        ("- 1", "r.yaml, line 1: a recipe is an object", ""),
        ("steps: [\n", "r.yaml, line 2: expected", ""),
        ("? [a]\n: b", "r.yaml, line 1: a key is a plain word.", ""),
        ("seed: '\0'", "r.yaml: it is not YAML.", ""),
        ("[" * 100_000, "r.yaml, line 1: the recipe has more than 30 levels", ""),
        ("x" * 300_000, "r.yaml: the recipe has 300000 bytes", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text, said, advice):
    with pytest.raises(VolanoError) as raised:
        Recipe.from_yaml(text, name="r.yaml")
    assert raised.value.message.startswith(said)
    assert advice in raised.value.advice


def test_without_lines_the_place_is_said():
    with pytest.raises(VolanoError) as raised:
        Recipe.from_dict({"steps": [{"toy-drop": {"bye": 3}}]})
    assert raised.value.message == "the recipe, step 1: the step `toy-drop` has no setting `bye`."
    assert raised.value.advice == "Did you mean `by`? It has: by."


def test_files(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_bytes(b"\xef\xbb\xbfsteps: [toy-upper]\n")
    assert Recipe.from_yaml(path).steps == (Upper(),)
    path.write_bytes(b"steps: [\xff]\n")
    with pytest.raises(VolanoError, match=r"r\.yaml: it is not UTF-8"):
        Recipe.from_yaml(path)
    path.write_bytes(b"#" * 300_000)
    with pytest.raises(RecipeTooLargeError):
        Recipe.from_yaml(path)
    with pytest.raises(RecipeNotFoundError):
        Recipe.from_yaml(tmp_path / "none.yaml")


def test_a_step_takes_the_recipes_seed_unless_it_has_one():
    # No built-in step of this room has a seed: a registered one is made here.
    from dataclasses import dataclass
    from typing import ClassVar

    from volano.data.step import STEPS

    @STEPS.register("toy-seeded")
    @dataclass(frozen=True)
    class Seeded:
        name: ClassVar[str] = "toy-seeded"
        version: ClassVar[int] = 1
        whole: ClassVar[bool] = False
        seed: int = 0

    read = Recipe.from_dict({"seed": 5, "steps": ["toy-seeded", {"toy-seeded": {"seed": 2}}]})
    assert [step.seed for step in read.steps] == [5, 2]


def test_a_step_that_nobody_registered_cannot_travel():
    with pytest.raises(UnregisteredStepError):
        Recipe(steps=(Stranger(),)).to_dict()
    assert Recipe(steps=(Drop(3), Select(["a"]))).to_dict()["steps"] == [
        {"toy-drop": {"by": 3}}, {"select": {"columns": ["a"], "missing": "keep"}},
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_refused(text):
    with suppress(VolanoError):
        assert isinstance(Recipe.from_yaml(text), Recipe)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://reader:geheim@db/shop", "postgresql://u:ge/he:im@db/shop",
        "postgresql://db/shop?password=geheim", "mysql+pymysql://u:x${PW}geheim@db/s",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dgeheim",
        "https://u:geheim@example.org/rows.csv", "https://example.org/rows.csv?api_key=geheim",
        "https://b.s3.example.org/rows.csv?X-Amz-Signature=geheim",
        "https://b.blob.example.org/rows.csv?sv=1&sig=geheim", "HTTPS://example.org/a?sig=geheim",
        " Https://example.org/a?key=geheim", "https://example.org/a#v=1&access_token=geheim",
        f"https://example.org/a?ghp_{'geheim' * 6}", "https://example.org/a#/b?token=geheim",
    ],
)  # fmt: skip
def test_a_password_does_not_stand_in_a_recipe(address):
    kind = "url" if address.strip().lower().startswith("https") else "sql"
    for text in (
        f"sources:\n  - rows: []\n  - {kind}: '{address}'\n    table: t\n",
        f"steps:\n  - rename: {{columns: {{a: b}}}}\n  - decontaminate: {{against: [{{{kind}: '{address}'}}]}}\n",
    ):
        with pytest.raises(SecretInRecipeError) as refused:
            Recipe.from_yaml(text)
        said = refused.value.message + refused.value.advice + str(refused.value.facts)
        assert "line 3" in said and "${NAME}" in said and "geheim" not in said


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://reader:${PGPASSWORD}@db:5432/shop", "sqlite:///tickets.db",
        "postgresql://reader@db/shop?sslmode=require", "https://example.org:8080/a@b?page=2",
        "mysql+pymysql://reader@db/shop?ssl_key=/etc/ssl/client.pem", "${FEED_URL}",
    ],
)  # fmt: skip
def test_addresses_without_a_password_may(address):
    Recipe.from_dict({"sources": [{"sql": address, "table": "t"}]})
    Recipe.from_dict({"sources": [{"rows": [{"text": "see https://u:p@example.org"}]}]})


def test_a_tab_is_called_a_tab():
    with pytest.raises(UnreadableRecipeError, match="line 2: a tab stands where YAML wants spaces"):
        Recipe.from_yaml("sources:\n\t- files: rows.jsonl\n")
