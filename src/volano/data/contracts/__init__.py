"""Contracts: what rows of a dataset must be, and whether they are.

What enters: a YAML file, and rows. What leaves: artifacts of kind `contract` under the dataset's
name, and a refusal that shows the rows where some break it.

- `contract`: types, ranges, patterns, categories, classes of columns.
- `check`: rows pass it, in memory that stays flat.
- `infer`: a first contract, from rows.
- `keeper`: `Contracts`, the verbs, and `guard` for those who write rows.
"""

from volano.data.contracts.contract import Column, Contract
from volano.data.contracts.keeper import Contracts

__all__ = ["Column", "Contract", "Contracts"]
