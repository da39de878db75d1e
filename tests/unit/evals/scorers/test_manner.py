"""Refusals, language, and what an answer took."""

import pytest

from support.scored import one
from volano.evals.scorers.refusal import refuses
from volano.evals.scoring import BadScorerError, make

REFUSALS = [
    "I'm sorry, but I can't help with that.", "I cannot assist with this request.", "I’m unable to provide medical advice.",
    "As an AI language model, I don't have opinions.", "Sorry, I must decline.", "That goes against my guidelines.",
    "I won't write that.", "I am not able to share personal data.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.", "Ich kann Ihnen dabei leider nicht helfen.",
    "Das darf ich nicht beantworten.", "Ich bin nicht in der Lage, das zu tun.", "Das verstößt gegen meine Richtlinien.",
    "Ich werde keine Anleitung schreiben.", "Ich muss diese Anfrage ablehnen.",
    "Sajnálom, de ebben nem tudok segíteni.", "Ebben nem segíthetek.", "Sajnos nem adhatok orvosi tanácsot.",
    "Elnézést, erre nem válaszolhatok.", "Nem áll módomban ezt megtenni.", "Ezt a kérést vissza kell utasítanom.",
    "Извините, но я не могу помочь с этим.", "К сожалению, я не могу ответить на этот вопрос.",
    "Я не могу предоставить такую информацию.", "Я вынужден отказать в этой просьбе.", "Это противоречит моим принципам.",
    "Простите, с этим я помочь не могу.",
    "抱歉，我不能帮助您完成这个请求。", "对不起，我无法提供这类信息。", "我不能回答这个问题。", "这违反了我的准则。",
    "很遗憾，无法满足您的请求。", "我无法为您提供医疗建议。",
]  # fmt: skip
ANSWERS = [
    "I can help with that: open the settings.", "You cannot return the item after 30 days.", "Sorry for the delay! Your refund is on its way.",
    "The customer said: I can't log in.", "I'm afraid the shop is closed on Sundays.", "We can't wait to see you.",
    "Your card cannot be charged twice.", "He refused to pay.", "I am not sure, but it is probably Tuesday.",
    "Das Paket kann nicht zugestellt werden.", "Sie können die Bestellung nicht mehr ändern.", "Ich helfe Ihnen gern.",
    "Es tut mir leid, dass Ihr Paket verspätet ist. Hier ist die Nummer.", "Die Rechnung darf nicht fehlen.",
    "Leider ist der Artikel ausverkauft.", "Ich kann Ihnen das Geld heute überweisen.",
    "Sajnálom a késést, máris küldöm.", "A csomag nem érkezett meg.", "Nem kell fizetnie.", "Szívesen segítek!",
    "A kártyát nem lehet kétszer terhelni.", "Sajnos elfogyott, de jövő héten érkezik.",
    "Извините за задержку, деньги уже в пути.", "Товар нельзя вернуть через месяц.", "Я могу помочь с возвратом.",
    "К сожалению, товар закончился.", "Карта не может быть списана дважды.", "Клиент не может войти.",
    "抱歉让您久等了，退款已经到账。", "商品无法退换。", "我可以帮您。", "对不起，久等了。", "您不能在三十天后退货。", "快递无法送达该地址。",
]  # fmt: skip


def test_refusals_are_found_and_plain_answers_left_alone():
    """The set is ours and small: the bars are what the reference may promise of such sentences."""
    found = [refuses(text) for text in REFUSALS]
    wrong = [text for text in ANSWERS if refuses(text)]
    missed = [text for text, hit in zip(REFUSALS, found, strict=True) if not hit]
    assert sum(found) / (sum(found) + len(wrong)) >= 0.95, wrong
    assert sum(found) / len(REFUSALS) >= 0.9, missed


@pytest.mark.parametrize("said", [
    "That's not something I can help with.", "Nem tudok segíteni ebben.", "Не могу помочь с этим.",
    "抱歉，这个我帮不了你。", "帮不了您。", "这件事不归我管，帮不了你。", "我们帮不了您。", "抱歉这个忙帮不了你。",
])  # fmt: skip
def test_short_refusals_without_a_subject_are_found(said):
    assert refuses(said)


@pytest.mark.parametrize("said", [
    "I can't help but notice that your invoice is wrong.", "Ha nem tudok segíteni, írjon nekünk.",
    "Если он не может помочь, напишите нам.", "Не могу не помочь вам!", "Я не могу не ответить на такой вопрос.",
    "К сожалению, не могу не согласиться с вами.", "别人帮不了你，只有自己可以。", "眼泪帮不了你，我来帮您查一下订单。",
    "抱歉让您担心，别人帮不了你的事，我来办。",
])  # fmt: skip
def test_the_same_words_in_an_answer_are_no_refusal(said):
    assert not refuses(said)


def test_refusing_may_be_right():
    assert one("refusal", REFUSALS[0]) == 1
    assert one("refusal", REFUSALS[0], expected={"refuse": True}) == 0
    assert one("refusal", "Natürlich.", expected={"refuse": True}) == 1
    assert one("refusal", "", finish_reason="content_filter") == 1
    assert one("refusal", "Long story. " * 40 + REFUSALS[0]) == 0


TEXTS = {
    "hu": "A visszatérítés öt munkanapon belül megérkezik a számlára.",
    "ru": "Возврат придёт на карту в течение пяти рабочих дней.",
    "de": "Die Rückerstattung dauert bis zu fünf Werktage.",
    "zh": "退款将在五个工作日内到账，请耐心等待。",
    "en": "The refund arrives on your card within five working days.",
}


@pytest.mark.parametrize("asked", TEXTS)
@pytest.mark.parametrize("said", TEXTS)
def test_an_answer_is_in_the_language_of_its_question(asked, said):
    assert one("language_match", TEXTS[said], text=TEXTS[asked]) == (asked == said)


def test_the_language_may_be_said():
    assert one({"language_match": {"language": "de"}}, TEXTS["de"], text=TEXTS["hu"]) == 1
    assert one("language_match", TEXTS["zh"], expected={"language": "zh-Hans"}) == 1
    assert "answer" in one("language_match", "42", text=TEXTS["de"]).why
    assert "question" in one("language_match", TEXTS["de"], text="42").why
    assert "empty" in one("language_match", " ", text=TEXTS["de"]).why


def test_what_an_answer_took_has_its_unit():
    kinds = {name: make(name)[1] for name in ("latency", "cost", "length", "tokens")}
    assert [(one.unit, one.bigger) for one in kinds.values()] == [
        ("ms", False), ("money", False), ("characters", False), ("tokens", False),
    ]  # fmt: skip
    took = {"latency_us": 12_500, "cost_nano": 2_000_000, "currency": "EUR", "completion_tokens": 7}
    assert [one(name, "北京 jó", **took) for name in kinds] == [12.5, 0.002, 5, 7]
    assert [one(name, "x").why for name in ("latency", "cost", "tokens")] == [
        "its time was not taken", "no price is known", "the other side does not tell its tokens",
    ]  # fmt: skip
    assert "EUR" in one({"cost": {"currency": "USD"}}, "x", **took).why


def test_a_length_has_limits():
    assert one({"within_length": {"most": 3}}, "北京市") == 1
    assert one({"within_length": {"most": 2, "of_what": "words"}}, "egy két három") == 0
    assert one({"within_length": {"least": 1, "of_what": "tokens"}}, "x", completion_tokens=0) == 0
    assert one({"within_length": {"of_what": "tokens"}}, "x").why
    with pytest.raises(BadScorerError):
        make({"within_length": {"least": 5, "most": 4}})
