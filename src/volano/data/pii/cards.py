"""Numbers of payment cards: the beginnings that issuers have, and Luhn's checksum (ISO/IEC 7812-1, B)."""

import re
from collections.abc import Sequence

_ISSUED = re.compile(
    r"""(?: 4(?:\d{12}|\d{15}|\d{18})                                   # Visa
    | (?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}  # Mastercard
    | 220[0-4]\d{12,15}                                                 # Mir
    | 3[47]\d{13}                                                       # American Express
    | (?:30[0-5]|3[689]\d)\d{11,16}                                     # Diners Club
    | (?:352[89]|35[3-8]\d)\d{12,15} | (?:1800|2131)\d{11}              # JCB
    | (?:6011|65\d\d|64[4-9]\d)\d{12,15}                                # Discover
    | (?:62|81)\d{14,17}                                                # UnionPay
    | (?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}                # Maestro
    )\Z""",
    re.VERBOSE,
)
_CALLED = re.compile(r"card|\bcc\b|visa|kártya|kártyá|karte|карт|卡", re.IGNORECASE)
"""With such a word before it, any number of 12 to 19 digits counts whose checksum is right."""
_SIZES = ((4, 6, 5), (4, 6, 4))
LONGEST = 19


def is_card(digits: str, groups: Sequence[str], before: str) -> bool:
    """Whether digits in these groups are a card's number; `before` is what stands before them."""
    if not 12 <= len(digits) <= LONGEST or not digits.isdecimal() or len(set(digits)) == 1:
        return False
    if not _luhn(digits):
        return False
    sizes = tuple(map(len, groups))
    fours = set(sizes[:-1]) == {4} and sizes[-1] <= 4
    if len(sizes) > 1 and not fours and sizes not in _SIZES:
        return False
    return bool(_ISSUED.match(digits) or _CALLED.search(before))


def _luhn(digits: str) -> bool:
    values = [int(digit) for digit in digits]
    doubled = [2 * n - 9 * (n > 4) for n in values[-2::-2]]
    return (sum(doubled) + sum(values[-1::-2])) % 10 == 0
