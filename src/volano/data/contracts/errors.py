"""What can be wrong with contracts, and with rows that have one."""

from volano.core.errors import GateError, InvalidError, NotFoundError


class BadContractError(InvalidError):
    """`{path}` is no contract: {why}."""

    hint = "See docs/howto/contracts.md, or begin with what `volano data contract infer` writes."


class NoContractError(NotFoundError):
    """`{name}` has no contract."""

    hint = (
        "Set one with `volano data contract set`; `volano data contract infer` writes a first one."
    )


class ContractBrokenError(GateError):
    """{broken} of {rows} rows of `{name}` break its contract: {rules}."""

    hint = "Correct the rows, or the contract with `volano data contract set`."
