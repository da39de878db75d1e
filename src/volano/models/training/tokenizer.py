"""A byte-level BPE tokenizer learned from the rows: no word is unknown, in any language.

The splitting is exactly what llama.cpp calls `smollm` (single digits, then
GPT-2's pattern), so that the engine and the trainer see the same ids.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD, BEGIN, END = 0, 1, 2
SPECIAL = ("<pad>", "<s>", "</s>")
SPLITTING = "smollm"
"""llama.cpp's name (`tokenizer.ggml.pre`) for the splitting below."""


def learn(texts: Iterable[str], *, vocab: int, whole: Iterable[str] = ()) -> Tokenizer:
    """Learn a tokenizer of at most `vocab` tokens, and one more for each text in `whole`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in whole])
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`."""
    return Tokenizer.from_file(str(path))
