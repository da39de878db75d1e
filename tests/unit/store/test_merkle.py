"""The tree of RFC 9162 §2.1, against a definition written straight from the text."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.store.merkle import Frontier, inclusion_path, leaf_hash, proves

# Inputs and roots as Certificate Transparency implementations publish them for RFC 6962 trees.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word by word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + definition(leaves[:k]) + definition(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    assert Frontier(map(leaf_hash, INPUTS[:size])).root().hex() == ROOTS[size - 1]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == hashlib.sha256(b"").digest()


@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    root = Frontier(leaves).root()
    assert root == definition(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, leaves)
    assert proves(leaves[index], index, size, path, root)
    assert not proves(leaf_hash(b"other"), index, size, path, root)
    assert not proves(leaves[index], index, size, [*path, root], root)
    assert not proves(leaves[index], size, size, path, root)
    assert not proves(leaves[index], -1, size, path, root)
    if path:
        assert not proves(leaves[index], index, size, path[:-1], root)
        assert not proves(leaves[index], index ^ 1, size, path, root)


def test_each_leaf_changes_the_root() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(40)]
    roots = [Frontier(leaves[:size]).root() for size in range(41)]
    assert all(one != other for one, other in pairwise(roots))
    assert len(set(roots)) == 41
