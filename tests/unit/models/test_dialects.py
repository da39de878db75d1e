"""Imported folders: their words and weights reach llama.cpp as transformers has them."""

import json

import pytest

from support.lazily import lazily
from volano.models.export import NotExportableError, export
from volano.models.export.vocabulary import Vocabulary
from volano.models.export.words import _QWEN2, splitting

network = lazily("volano.models.compression.network")
trial = lazily("volano.models.compression.trial")

TEMPLATE = "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}</s>\n{% endfor %}<s>assistant: "


def imported(folder, kind: str):
    """A folder as the hub has them: a tiny Qwen or Mistral with random weights."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoConfig, AutoModelForCausalLM

    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator(
        ["Wo ist mein Paket 4711?", "Где мой заказ?"],
        trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False),
    )  # fmt: skip
    torch.manual_seed(3)
    shape = {
        "vocab_size": words.get_vocab_size(), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16 if kind == "qwen3" else 8, "initializer_range": 0.3,
        "tie_word_embeddings": False, "eos_token_id": 1, "bos_token_id": 0, "max_position_embeddings": 128,
    }  # fmt: skip
    extra = {"sliding_window": None} if kind == "mistral" else {}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **shape, **extra))
    model.save_pretrained(folder)
    words.save(str(folder / "tokenizer.json"))
    said = {"eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen3", "mistral"])
def test_an_imported_model_answers_as_in_torch(tmp_path, kind):
    folder = imported(tmp_path / "in", kind)
    export(folder, folder / "model.gguf")
    prompts = ["Wo ist mein Paket?", "Где мой заказ 4711?"]
    said = network.answers(network.load(folder), Vocabulary.of(folder), prompts, max_tokens=6)
    spec = {"folder": folder, "format": "gguf", "prompts": prompts, "max_tokens": 6, "context": 128}
    # a character that the last token left unfinished is shown by one and not the other
    found = trial.run(spec)["answers"]
    assert [text.rstrip("\ufffd") for text in found] == [text.rstrip("\ufffd") for text in said]


def test_what_llama_cpp_has_no_name_for_is_refused(tmp_path):
    folder = imported(tmp_path, "qwen2")
    path = folder / "tokenizer.json"
    words = json.loads(path.read_text())
    words["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\w+"
    path.write_text(json.dumps(words))
    with pytest.raises(NotExportableError, match="has a name for"):
        export(folder, tmp_path / "m.gguf")
    assert not list(tmp_path.glob("*.part"))


def test_sentencepiece_is_no_byte_level_bpe():
    assert splitting({"model": {"type": "BPE", "byte_fallback": True}}) is None
    assert splitting({"model": {"type": "Unigram"}}) is None


@pytest.mark.parametrize("template", ["{{ ''.__class__.mro() }}", "{{ range(10**9)|list }}"])
def test_a_template_cannot_reach_python_nor_fill_memory(template):
    from tokenizers import Tokenizer, models

    words = Tokenizer(models.BPE())
    vocabulary = Vocabulary(words, None, (1,), 0, adds_begin=False, template=template)
    with pytest.raises(NotExportableError):
        vocabulary.render([])
