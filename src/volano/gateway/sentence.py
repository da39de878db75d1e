"""The end of a sentence whose last words somebody else wrote."""

_ENDS = ".!?…。！？．।؟۔"


def ended(text: str) -> str:
    """Return the text with one full stop; none is added where it ends as a sentence does."""
    text = text.rstrip()
    return text if text.rstrip("`\"')»”’）」』")[-1:] in _ENDS and text else f"{text}."
