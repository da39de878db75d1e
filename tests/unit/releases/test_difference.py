"""What differs between two releases, part by part."""

import json

import pytest

from support.workspace import ANNA
from volano.core.manifest import Parent
from volano.data.keeper import Datasets
from volano.evals.keeper import Evals
from volano.releases.difference import Differences

ROWS = [{"text": f"Где заказ {n}?", "label": "доставка"} for n in range(10)]


@pytest.fixture
def office(workspace):
    datasets = Datasets(workspace.catalog)
    rates = {}
    workspace.datasets, workspace.rates = datasets, rates
    workspace.differences = Differences(
        catalog=workspace.catalog, releases=workspace.releases, datasets=datasets,
        evals=Evals(workspace.catalog, datasets), price_of=lambda model: rates.get(model.ref),
    )  # fmt: skip
    return workspace


def cut(office, **prompt):
    return office.releases.cut("support", flow=office.flow(**prompt).ref, by=ANNA)


def test_a_release_does_not_differ_from_itself(office):
    release = cut(office)
    found = office.differences.between(release.ref, release.ref, by=ANNA)
    assert found.same
    assert not any((found.pins, found.words, found.settings, found.weights, found.data))


def test_words_and_settings_of_the_prompt(office):
    one = cut(office, template="Válaszolj röviden: {{input}}", settings={"temperature": 0})
    two = cut(
        office, template="Válaszolj részletesen: {{input}}", system="Du bist höflich.",
        settings={"temperature": 0.5},
    )  # fmt: skip
    found = office.differences.between(one.ref, two.ref, by=ANNA)
    gone = "".join(piece.text for piece in found.words if piece.of == "a")
    new = "".join(piece.text for piece in found.words if piece.of == "b")
    assert "röviden" in gone
    assert "részletesen" in new
    assert "höflich" in new
    assert found.settings == ({"name": "settings.temperature", "a": 0, "b": 0.5},)
    assert [pin["role"] for pin in found.pins] == ["flow", "prompt"]


def test_prices_and_weights_of_another_model(office):
    one = cut(office)
    flow = office.flow()
    model = office.models.add_pointer("big", url="http://127.0.0.1:9/v1", model="big", by=ANNA)
    prompt = office.prompts.list()[0]
    flow = office.flows.compose("support", model=model.ref, prompt=prompt.ref, by=ANNA)
    two = office.releases.cut("support", flow=flow.ref, by=ANNA)
    office.rates[model.ref] = {"rates": {"input": 5}}
    found = office.differences.between(one.ref, two.ref, by=ANNA)
    assert {row["of"]: row["model"] for row in found.weights} == {"a": "support@1", "b": model.ref}
    assert found.price == ({"name": "rates", "a": None, "b": {"input": 5}},)


def test_rows_of_the_data_behind_the_weights(office):
    data = [office.datasets.add("jegyek", ROWS[:n], test_share=0.2, by=ANNA) for n in (6, 10)]
    releases = []
    for dataset in data:
        model = office.catalog.record(
            "model", "own", files={"m": dataset.digest.encode()}, by=ANNA,
            parents=[Parent("data", dataset.digest)],
            meta={"pointer": {"url": "http://127.0.0.1:9/v1", "model": "x"}},
        )  # fmt: skip
        body = json.dumps({"kind": "prompt", "model": str(model.digest)}).encode()
        flow = office.catalog.record(
            "flow", "f", files={"flow.json": body}, by=ANNA, parents=[Parent("model", model.digest)]
        )
        release = office.catalog.record(
            "release", "r", files={"release.json": body}, by=ANNA,
            parents=[Parent("flow", flow.digest), Parent("model", model.digest)],
        )  # fmt: skip
        releases.append(release)
    found = office.differences.between(releases[0].ref, releases[1].ref, by=ANNA)
    [row] = found.data
    assert (row["a"], row["b"]) == ("jegyek@1", "jegyek@2")
    assert row["rows"]["train"]["added"] > 0
    assert found.weights[1]["made_from"] == ["data jegyek@2"]
