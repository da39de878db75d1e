"""An import makes what a file asks for, once, and puts its secrets into the vault alone."""

import json
import os

import pytest
from sqlalchemy import select

from support.workspace import ANNA
from volano.access.limits import Limits
from volano.adapters.gateways import READERS
from volano.adapters.gateways.yaml_text import BadYamlError, TooLongError
from volano.adapters.providers import PROVIDERS
from volano.costs.keeper import Costs
from volano.gateway.importer import Importer, NoReaderError, UnreadableFileError
from volano.releases.opener import Opener
from volano.store.metadata import METADATA
from volano.traces import Traces

SECRET = "sk-very-secret-1"
OTHER = "sk-very-secret-2"

CONFIG = {
    "model_list": [
        {
            "model_name": "chat",
            "litellm_params": {"model": "openai/gpt-5", "api_key": SECRET, "weight": 3, "rpm": 60},
        },
        {
            "model_name": "chat",
            "litellm_params": {
                "model": "azure/gpt-5", "api_key": "os.environ/AZURE_KEY", "weight": 1, "rpm": 40,
                "api_base": "https://r.openai.azure.com",
            },
        },
        {
            "model_name": "own",
            "litellm_params": {"model": "hosted_vllm/llama", "api_base": "http://10.0.0.7:8000/v1",
                               "api_key": "none", "temperature": 0.1},
            "model_info": {"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7},
        },
        {"model_name": "a:b", "litellm_params": {"model": "openai/gpt-5", "api_key": SECRET}},
        {"model_name": "public", "litellm_params": {
            "model": "openai/m", "api_base": "http://llm.example.com/v1", "api_key": OTHER}},
    ],
    "router_settings": {"fallbacks": [{"own": ["chat"]}], "timeout": 30},
    "general_settings": {"master_key": OTHER},
}  # fmt: skip


@pytest.fixture
def limits(desk):
    return Limits(desk.db, desk.ledger, desk.clock)


@pytest.fixture
def costs(desk):
    return Costs(
        db=desk.db, ledger=desk.ledger, traces=Traces(desk.folder / "hot.db"),
        spool=_folder(desk, "spool"), run=_folder(desk, "run"), clock=desk.clock,
        publish=desk._publish, frames=None,
    )  # fmt: skip


def _folder(desk, name):
    (desk.folder / name).mkdir(exist_ok=True)
    return desk.folder / name


@pytest.fixture
def importer(desk, limits, costs):
    opener = Opener(
        models=desk.models, prompts=desk.prompts, flows=desk.flows, releases=desk.releases
    )
    return Importer(
        readers=READERS, providers=PROVIDERS, targets=desk.targets, catalog=desk.catalog,
        releases=desk.releases, opener=opener, limits=limits, costs=costs,
        environment=desk.environment,
    )  # fmt: skip


@pytest.fixture
def say(importer, tmp_path):
    """Import a configuration and return the report."""

    def imported(config=CONFIG, **given):
        path = tmp_path / "config.yaml"
        path.write_text(json.dumps(config))
        return importer.import_config("litellm", path, **given, by=ANNA)

    return imported


def rows(report, what):
    return {row["name"]: row["says"] for row in report["made"] if row["what"] == what}


def state(desk, limits, costs):
    """All that a second import may not change."""
    return (
        desk.catalog.counts(),
        [target.name for target in desk.targets.list()],
        [len(desk.targets.keys(target)) for target in desk.targets.list()],
        limits.list(),
        len(costs.book().own),
        len(desk.releases.rollouts()),
        len(desk.ledger.list(limit=1000)),
    )


def test_what_a_file_asks_for_is_there(desk, limits, costs, say):
    report = say()
    assert rows(report, "target") == {
        "openai": "openai at https://api.openai.com/v1, key in the vault",
        "azure": "azure at https://r.openai.azure.com/openai/v1, key in AZURE_KEY",
        "vllm": "vllm at http://10.0.0.7:8000/v1, no key",
    }
    assert rows(report, "channel") == {
        "chat": "chat@1 asks weighted: openai:gpt-5, azure:gpt-5",
        "own": "own@1 asks ordered: vllm:llama, openai:gpt-5, azure:gpt-5",
    }
    assert [channel.name for channel in desk.releases.channels()] == ["chat", "own"]
    assert [one["weight"] for one in desk.models.get("chat@1").manifest.meta["at"][:1]] == [3]
    assert desk.releases.verify("own@1").ref == "own@1"
    assert desk.prompts.get("own@1").manifest.meta["settings"] == {"temperature": 0.1}
    [limit] = limits.list()
    assert (limit.subject, limit.rpm) == ("channel/chat", 100)
    [price] = costs.prices()
    assert (price["where"], price["input"], price["output"]) == ("target vllm", "0.1", "0.2")
    left = {remark["key"]: remark["why"] for remark in report["left"]}
    assert set(left) == {
        "model_list[3]", "model_list[4]", "router_settings.timeout", "general_settings.master_key",
    }  # fmt: skip
    assert "rename it" in left["model_list[3]"]
    assert "--plain-http" in left["model_list[4]"]
    assert not any(key.startswith("model_list[4]") for key in report["carried"])
    assert report["notes"] == [
        (
            "AZURE_KEY is not set where volano runs: until it is, and `volano up` was started again, "
            "azure is not asked."
        )
    ]


def test_done_twice_nothing_is_doubled(desk, limits, costs, say):
    first = say()
    before = state(desk, limits, costs)
    again = say()
    assert state(desk, limits, costs) == before
    assert (first["new"], again["new"]) == (len(first["made"]), 0)
    assert [row["says"] for row in again["made"]] == [row["says"] for row in first["made"]]
    assert again["left"] == first["left"]


def test_a_dry_run_makes_nothing(desk, limits, costs, say):
    before = state(desk, limits, costs)
    dry = say(dry_run=True)
    assert state(desk, limits, costs) == before
    assert not (desk.folder / "keys" / "vault.json").exists()
    real = say()
    assert [(r["what"], r["name"]) for r in dry["made"]] == [
        (r["what"], r["name"]) for r in real["made"]
    ]
    assert (dry["left"], dry["differs"], dry["carried"]) == (
        real["left"], real["differs"], real["carried"],
    )  # fmt: skip
    assert say(dry_run=True)["new"] == 0


def test_secrets_are_in_the_vault_and_nowhere_else(desk, say, caplog):
    told = repr(say()) + repr(say(dry_run=True)) + caplog.text
    with desk.db.read() as conn:
        told += repr([conn.execute(select(table)).all() for table in METADATA.tables.values()])
    holders = set()
    for path in desk.folder.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        if SECRET.encode() in raw or OTHER.encode() in raw:
            holders.add(path.name)
    assert holders == {"vault.json", "config.yaml"}
    assert SECRET not in told
    assert OTHER not in told
    assert OTHER not in (desk.folder / "keys" / "vault.json").read_text()


def test_a_target_that_is_there_is_taken_and_one_of_another_account_is_not(desk, say):
    desk.targets.add("mine", provider="openai", by=ANNA)
    desk.targets.keep_key("mine", SECRET, by=ANNA)
    desk.targets.add("azure", provider="azure", url="https://other.openai.azure.com", by=ANNA)
    report = say()
    assert {row["name"]: row["new"] for row in report["made"] if row["what"] == "target"} == {
        "mine": False, "azure-2": True, "vllm": True,
    }  # fmt: skip
    assert desk.targets.get("azure").url == "https://other.openai.azure.com"


def test_two_spellings_of_one_address_are_one_target(desk, say):
    params = {"model": "openai/gpt-5", "api_key": SECRET}
    entries = [
        {"model_name": "chat", "litellm_params": {**params, "weight": 2}},
        {
            "model_name": "chat",
            "litellm_params": {**params, "weight": 3, "api_base": "https://api.openai.com/v1/"},
        },
    ]
    for _ in range(2):
        say({"model_list": entries})
        assert [target.name for target in desk.targets.list()] == ["openai"]
    assert desk.models.get("chat").manifest.meta["at"] == [
        {"target": "openai", "model": "gpt-5", "weight": 5}
    ]


def test_an_open_channel_is_not_moved(desk, say):
    desk.serve("chat")
    [note] = [note for note in say(dry_run=True)["notes"] if "chat" in note]
    assert "volano release promote" in note
    report = say()
    assert desk.releases.channel("chat").stable_ref == "chat@1"
    assert "volano release promote chat@2 --channel chat" in " ".join(report["notes"])
    assert desk.releases.verify("chat@2")


def test_plain_http_where_the_owner_says_so(desk, say):
    report = say(plain_http=True)
    assert "llm" in rows(report, "target")
    assert desk.targets.get("llm").plain_http
    assert not desk.targets.get("openai").plain_http


def test_a_variable_that_holds_no_address_is_not_told(desk, say):
    desk.environment["BASE"] = SECRET
    params = {"model": "openai/m", "api_base": "os.environ/BASE", "api_key": "none"}
    report = say({"model_list": [{"model_name": "chat", "litellm_params": params}]})
    assert [remark["key"] for remark in report["left"]] == ["model_list[0]"]
    assert SECRET not in repr(report)


def test_a_limit_that_counts_too_much_is_told(say):
    far = {
        "model": "openai/m",
        "api_base": "http://llm.example.com/v1",
        "api_key": "none",
        "rpm": 5,
    }
    near = {"model": "openai/m", "api_key": SECRET, "rpm": 5}
    report = say({"model_list": [{"model_name": "c", "litellm_params": p} for p in (far, near)]})
    assert rows(report, "limit") == {"channel/c": "rpm 10"}
    assert any("channel/c counts entries" in note for note in report["notes"])


def test_a_usual_key_that_joins_is_told(desk, say):
    desk.environment["OPENAI_API_KEY"] = OTHER
    assert "OPENAI_API_KEY is set too" in " ".join(say()["notes"])


def test_files_that_are_none(importer, tmp_path):
    pipe, large, broken = tmp_path / "pipe", tmp_path / "large.yaml", tmp_path / "broken.yaml"
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (100 << 20))
    broken.write_text(f"key: [{SECRET}")
    for path, error in (
        (pipe, UnreadableFileError), (tmp_path, UnreadableFileError),
        (tmp_path / "nothing", UnreadableFileError), (large, TooLongError), (broken, BadYamlError),
    ):  # fmt: skip
        with pytest.raises(error) as refused:
            importer.import_config("litellm", path, by=ANNA)
        assert SECRET not in refused.value.message
    with pytest.raises(NoReaderError):
        importer.import_config("other", broken, by=ANNA)
