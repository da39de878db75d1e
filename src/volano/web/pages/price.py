"""Amounts as people read them: money with as many digits as say something."""


def money(nano: dict[str, int]) -> str:
    """Return costs by currency, with as many digits as say something."""
    said = []
    for currency, amount in sorted(nano.items()):
        value = amount / 1e9
        digits = 2 if value >= 1 or not value else 4 if value >= 0.001 else 6
        said.append(f"{value:,.{digits}f}\u202f{currency}")
    return " + ".join(said) or "–"
