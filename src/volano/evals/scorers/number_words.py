"""Numbers in words, as data: powers of ten behind a number, percent, and Chinese numerals."""

from itertools import pairwise

TIMES = {
    # Words that multiply the number before them, by language, as people shorten them.
    **dict.fromkeys(("thousand", "tausend", "tsd", "ezer", "тыс", "тысяч", "тысячи", "тысяча"), 1e3),
    **dict.fromkeys(("million", "millions", "mio", "millionen", "millió", "млн", "миллион", "миллиона", "миллионов"), 1e6),
    **dict.fromkeys(("billion", "billions", "mrd", "milliarde", "milliarden", "milliárd", "млрд", "миллиард", "миллиарда", "миллиардов"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "billionen", "billió", "трлн", "триллион", "триллиона", "триллионов"), 1e12),
    "百": 1e2, "千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8,
}  # fmt: skip
PERCENT = ("%", "percent", "prozent", "százalék", "процент", "процента", "процентов")

DIGITS = {
    **{char: value for value, char in enumerate("零一二三四五六七八九")},
    **{char: value for value, char in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    "两": 2, "兩": 2, "貳": 2, "參": 3, "陸": 6,
}  # fmt: skip
SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
NUMERALS = "".join((*DIGITS, *SMALL, *LARGE))
LONGEST = 40


def chinese(text: str) -> float | None:
    """Return the value of a Chinese numeral (三百二十一, 两万, 一点五, 二〇二四), or None where it is none."""
    if not text or len(text) > LONGEST:
        return None
    whole, point, part = text.partition("点")
    if point:
        if not part or not whole or not set(part) <= set(DIGITS):
            return None
        base = chinese(whole)
        return None if base is None else base + float("0." + "".join(str(DIGITS[c]) for c in part))
    if set(text) <= set(DIGITS):
        return float("".join(str(DIGITS[char]) for char in text))
    return _by_places(text)


def _by_places(text: str) -> float | None:
    total, section, digit = 0, 0, None
    for before, char in pairwise(f" {text}"):
        if char in DIGITS:
            if digit and before != "零":
                return None
            digit = DIGITS[char]
        elif char in SMALL:
            section += (1 if digit is None else digit) * SMALL[char]
            digit = None
        elif char in LARGE:
            section += digit or 0
            if LARGE[char] == 10**4:
                total += (section or 1) * 10**4
            else:  # all before it counts: 一万亿 is 10,000 times 亿
                total = (total + section or 1) * LARGE[char]
            section, digit = 0, None
        else:
            return None
    return float(total + section + (digit or 0))
