import pytest

from volano.access.errors import DamagedSecretError, ExposedSecretError
from volano.access.vault import Vault


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "vault.json"


def test_what_is_put_in_is_there_in_order_for_the_owner_alone(path):
    vault = Vault(path)
    assert vault.get("target/a") == ()
    assert not path.exists()
    assert [vault.put("target/a", text) for text in ("one", "two", "one")] == [1, 2, 2]
    assert Vault(path).get("target/a") == ("one", "two")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [p.name for p in path.parent.iterdir()] == ["vault.json"]


def test_a_name_can_be_replaced_and_forgotten_without_touching_others(path):
    vault = Vault(path)
    vault.put("a", "1")
    vault.put("b", "2")
    assert vault.put("a", "3", alone=True) == 1
    assert (vault.remove("b"), vault.remove("b")) == (1, 0)
    assert (vault.get("a"), vault.get("b")) == (("3",), ())


def test_a_vault_that_others_can_read_is_not_used(path):
    vault = Vault(path)
    vault.put("a", "1")
    path.chmod(0o644)
    for use in (lambda: vault.get("a"), lambda: vault.put("a", "2"), lambda: vault.remove("a")):
        with pytest.raises(ExposedSecretError, match="0644"):
            use()


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"a": 1}', b"sk-secret"])
def test_a_damaged_vault_is_told_without_its_content(path, damage):
    vault = Vault(path)
    vault.put("a", "1")
    path.write_bytes(damage)
    with pytest.raises(DamagedSecretError) as told:
        vault.get("a")
    assert "secret" not in told.value.message
