"""Probes: what a model is asked where no dataset is named: texts of several languages and scripts."""

PROBES = (
    "Where is my order 4711? It should be here by now.",
    "Write one sentence about the sea.",
    "The password was changed, and now nobody can sign in.",
    "def add(a, b):",
    "2 + 2 =",
    "Once upon a time",
    "Hol van a rendelésem? Két hete várok rá.",
    "Kérem, foglalja össze egy mondatban!",
    "Где мой заказ? Он должен был прийти вчера.",
    "Столица Венгрии",
    "Meine Rechnung stimmt nicht: Ich habe schon bezahlt.",
    "Fasse das bitte in einem Satz zusammen.",
    "我的订单在哪里？已经两个星期了。",
    "请用一句话总结。",
    "¿Dónde está mi pedido?",
    '{"queue": "billing"}',
)


def rows() -> list[dict[str, str]]:
    """Return them as rows without labels."""
    return [{"text": text} for text in PROBES]
