"""CI: a change in a repository is judged by the suites that it affects, against its base.

Enters: a Git repository whose files say prompts, suites and checks (`ci.yaml`). Leaves: a verdict
for each check, as text, Markdown and JUnit, and where every gate holds and it is wanted, new
versions in the registry. What a change says is not trusted: it is read inside the repository only,
asks no server and sends no key that the base does not, and is told as text.
"""

from volano.ci.keeper import Checks
from volano.ci.party import Parties
from volano.ci.training import TrainingRecipes

__all__ = ["Checks", "Parties", "TrainingRecipes"]
