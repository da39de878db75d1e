"""Contracts: the verbs. What rows of a dataset must be is kept in versions, as the rows are."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.contracts.check import check, guarded
from volano.data.contracts.contract import Contract
from volano.data.contracts.errors import BadContractError, NoContractError
from volano.data.contracts.infer import infer
from volano.data.keeper import Datasets
from volano.data.page import page
from volano.data.step import Record
from volano.store import Artifact, Catalog

KIND = "contract"
_FILE = "contract.yaml"


class Contracts:
    """The contracts of all datasets of one workspace: each bears the name of its dataset."""

    def __init__(self, catalog: Catalog, rows: Datasets):
        self._catalog = catalog
        self._rows = rows

    def set(self, name: str, path: Path | str, *, by: Principal) -> Artifact:
        """Make a file the contract of a dataset: from now on, rows that break it are refused.

        Raises:
            BadContractError: the file is no contract.
            BadRefError: the name cannot be one.
        """
        path = Path(path)
        try:
            text = page(path)
        except (OSError, ValueError) as error:
            raise BadContractError(path=path.name, why=str(error)) from error
        return self.put(name, Contract.from_yaml(text, path.name), by=by)

    def put(self, name: str, contract: Contract, *, by: Principal) -> Artifact:
        """Keep a contract as the next version for a dataset."""
        meta = {"columns": len(contract.columns), "extra": contract.extra}
        files = {_FILE: contract.to_yaml().encode()}
        return self._catalog.record(KIND, check_name(name), files=files, meta=meta, by=by)

    def show(self, name: str) -> str:
        """Return a dataset's contract as YAML.

        Raises:
            NoContractError: it has none.
        """
        found = self._newest(Ref.parse(name).name)
        if found is None:
            raise NoContractError(name=name)
        return self._catalog.read(found, _FILE).decode()

    def of(self, name: str) -> Contract | None:
        """Return the contract of a dataset; None where it has none."""
        found = self._newest(name)
        return Contract.from_yaml(self._catalog.read(found, _FILE).decode()) if found else None

    def check(self, ref: str | Ref, *, by: Principal | None = None) -> dict[str, Any]:
        """Check all rows of a version against the contract of its dataset.

        Raises:
            UnknownArtifactError: there is no such dataset.
            NoContractError: it has no contract.
            ContractBrokenError: some rows break it; the first are shown.
        """
        artifact = self._rows.get(ref)
        contract = self.of(artifact.name)
        if contract is None:
            raise NoContractError(name=artifact.name)
        found = check(contract, _parted(self._rows.stream(artifact.ref, by=by, whole=True)))
        if found.broken:
            raise found.error(artifact.ref)
        return {"ref": artifact.ref, **found.to_dict()}

    def infer(self, ref: str | Ref, *, by: Principal | None = None) -> str:
        """Return a first contract as YAML, one that the rows of this version keep.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        return infer(self._rows.stream(ref, by=by, whole=True)).to_yaml()

    def guard(self, name: str, rows: Iterable[tuple[str, Record]]) -> Iterator[tuple[str, Record]]:
        """Give rows on that are to be written; a write calls it, and passes on what it raises.

        Raises:
            ContractBrokenError: the dataset has a contract, and some rows break it.
        """
        contract = self.of(check_name(name))
        return iter(rows) if contract is None else guarded(contract, name, rows)

    def _newest(self, name: str) -> Artifact | None:
        found = self._catalog.list(KIND, name, limit=1)
        return found[0] if found else None


def _parted(rows: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    for row in rows:
        yield row.get("split") or "train", row
