"""The published rules, as tables: name, measure, limit, where it stands; and what differs by language.

What differs is ours, as the papers have English in mind: a script without spaces has no lengths of
words; a language without a list of stop words is not asked for them.
"""

from collections.abc import Mapping

from volano.data.rules.rule import Rule

GOPHER_A11 = "Rae et al. 2021, arXiv:2112.11446, A.1.1 Quality Filtering"
GOPHER_A1 = "Rae et al. 2021, arXiv:2112.11446, A.1.1 Repetition Removal, Table A1"
C4_22 = "Raffel et al. 2020, arXiv:1910.10683, 2.2"
FINEWEB_36 = "Penedo et al. 2024, arXiv:2406.17557, 3.6 Developing additional heuristic filters"
_NO_WORDS = {"zh": None, "ja": None, "th": None, "lo": None, "km": None, "my": None}

FAMILIES: Mapping[str, tuple[Rule, ...]] = {
    "gopher": (
        Rule("gopher.min_words", "min", "words", 50, GOPHER_A11),
        Rule("gopher.max_words", "max", "words", 100_000, GOPHER_A11),
        Rule("gopher.min_mean_word", "min", "mean_word_chars", 3, GOPHER_A11, _NO_WORDS),
        Rule("gopher.max_mean_word", "max", "mean_word_chars", 10, GOPHER_A11, _NO_WORDS),
        Rule("gopher.hashes", "max", "hash_ratio", 0.1, GOPHER_A11),
        Rule("gopher.ellipses", "max", "ellipsis_ratio", 0.1, GOPHER_A11),
        Rule("gopher.bullets", "max", "bullet_lines", 0.9, GOPHER_A11),
        Rule("gopher.ellipsis_lines", "max", "ellipsis_lines", 0.3, GOPHER_A11),
        Rule("gopher.alphabetic", "min", "alphabetic_words", 0.8, GOPHER_A11, {"zh": 0.6, "ja": 0.6}),
        Rule("gopher.stop_words", "min", "stop_words", 2, GOPHER_A11),
    ),
    "gopher-repetition": (
        Rule("gopher.repeated_lines", "max", "repeated_lines", 0.30, GOPHER_A1),
        Rule("gopher.repeated_paragraphs", "max", "repeated_paragraphs", 0.30, GOPHER_A1),
        Rule("gopher.repeated_line_chars", "max", "repeated_line_chars", 0.20, GOPHER_A1),
        Rule("gopher.repeated_paragraph_chars", "max", "repeated_paragraph_chars", 0.20, GOPHER_A1),
        *(
            Rule(f"gopher.top_{n}_gram", "max", f"top_{n}_gram", most, GOPHER_A1)
            for n, most in ((2, 0.20), (3, 0.18), (4, 0.16))
        ),
        *(
            Rule(f"gopher.repeated_{n}_grams", "max", f"repeated_{n}_grams", most, GOPHER_A1)
            for n, most in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
        ),
    ),
    "c4": (Rule("c4.sentences", "min", "sentences", 3, C4_22),),
    "fineweb": (
        Rule("fineweb.ended_lines", "min", "ended_lines", 0.12, FINEWEB_36),
        Rule("fineweb.repeated_line_chars", "max", "repeated_line_chars", 0.1, FINEWEB_36),
        Rule("fineweb.short_lines", "max", "short_lines", 0.67, FINEWEB_36),
    ),
}  # fmt: skip
"""By the names under which a recipe asks for them. C4 has rules on lines besides (`lines`)."""
