"""What is not there: it may be asked whether it is, and nothing else."""

from typing import Any

from volano.core.template.errors import FillError


class Missing:
    """Stands for a variable or an item that is not there. `what` names it."""

    __slots__ = ("what",)

    def __init__(self, what: str):
        self.what = what


def there(value: Any, verb: str = "use") -> Any:
    """Return the value.

    Raises:
        FillError: it is not there.
    """
    if isinstance(value, Missing):
        raise FillError(why=f"there is no `{value.what}` to {verb}")
    return value
