"""What is to be hidden is nowhere on the disk once it was recorded: rows, sealed files, index, spool."""

import contextlib
import json
import time

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from support.otlp import NOW_US, as_protobuf, span
from volano.core.clock import SystemClock
from volano.traces import Begin, Call, HotStore, Kind, Recorder, Spool, Traces, encode
from volano.traces.frame import Spans as SpansFrame
from volano.traces.mask import DETECTORS, Masking, MaskRule, write_rules
from volano.traces.mask.bodies import mask_body
from volano.traces.mask.texts import Texts
from volano.traces.sealed.records import Records
from volano.traces.sealed.sealer import Sealer
from volano.traces.search.indexer import Indexer, catch_up, read_records
from volano.traces.spans import Spans

SECRET = "kovács.péter@példa.hu"
CARD = "4111 1111 1111 1111"


def rule(name, kind="detect", pattern=None, **more):
    return MaskRule(name, name, kind, pattern or name, f"[{name}]", **more)


RULES = [rule("email"), rule("card"), rule("plate", "regex", r"\p{L}{3}-\d{3}"),
         rule("who", "attribute", "user.*")]  # fmt: skip


class Recording:
    def __init__(self, folder, rules, **detectors):
        self.folder, self.spool_folder, self.path = folder, folder / "spool", folder / "hot.db"
        write_rules(folder / "mask.json", rules)
        self.masking = Masking(folder / "mask.json", DETECTORS | detectors)
        self.hot = HotStore(self.path)
        self.spool = Spool(self.spool_folder, "w")
        self.recorder = Recorder(self.spool_folder, self.hot, masking=self.masking)

    def call(self, n=1, **more):
        call = Call(id=f"{n:032x}", span_id=f"{n:016x}", began_us=n, ended_us=n + 1,
                    door="openai.chat", **more)  # fmt: skip
        self.spool.append(Kind.CALL, encode(call))

    def spans(self, *spans, **more):
        frame = SpansFrame(received_us=NOW_US, body=as_protobuf(*spans, **more))
        self.spool.append(Kind.SPANS, encode(frame))

    def newest(self):
        self.recorder.drain()
        return Traces(self.path).since(0)[-1]

    def close(self):
        self.recorder.close()
        self.spool.close()
        self.hot.close()


@pytest.fixture
def recording(tmp_path):
    made = []

    def recording(rules=RULES, **detectors):
        made.append(Recording(tmp_path, rules, **detectors))
        return made[-1]

    yield recording
    for one in made:
        one.close()


def asked(text, **more):
    return json.dumps({"messages": [{"role": "user", "content": text}], **more}).encode()


def streamed(*pieces):
    events = [{"id": "c", "choices": [{"index": 0, "delta": {"content": p}}]} for p in pieces]
    return b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in events) + b"data: [DONE]\n\n"


def everything(folder):
    """All bytes below a folder, packed ones unpacked."""
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield path, data
            at = 0
            while (at := data.find(b"\x28\xb5\x2f\xfd", at)) >= 0:
                with contextlib.suppress(zstandard.ZstdError):
                    yield path, zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
                at += 1


def test_a_planted_secret_is_nowhere_in_the_folder(recording, tmp_path):
    recorded = recording()
    many = {"user.email": SECRET, "note": f"call {SECRET} about abc-123", "plate": "ДЕЖ-123",
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [
                {"type": "text", "content": f"card {CARD}"}]}])}  # fmt: skip
    tool = {"arguments": json.dumps({"to": SECRET, "card": 4111111111111111})}
    recorded.call(1, request=asked(f"I am {SECRET}", tools=[tool], card=int(CARD.replace(" ", ""))),
                  response=streamed("Hi kov", "ács.pé", "ter@pél", "da.hu!"), unit=SECRET,
                  tags={"mail": SECRET}, error=f"no such user {SECRET}")  # fmt: skip
    begin = Begin(id=f"{2:032x}", span_id=f"{2:016x}", began_us=5, request=asked(SECRET))
    recorded.spool.append(Kind.BEGIN, encode(begin))
    recorded.spans(span("look up ДЕЖ-123", many, message=SECRET, status=2,
                        events=[("exception", 5, {"exception.message": SECRET})]),
                   span(SECRET, many, trace="0" * 32), resource={"user.mail": SECRET})  # fmt: skip
    assert recorded.newest().input_text == "I am [email]"
    assert recorded.newest().output_text == "Hi [email]!"
    [one] = Spans(recorded.path).list()
    assert (one.unit, one.input_text, one.name) == ("", "card [card]", "look up [plate]")
    records = Records(recorded.path)
    catch_up(Indexer(tmp_path / "search.db", read_records(records)), 10)
    recorded.call(3)
    recorded.spans(span())
    recorded.newest()
    Sealer(recorded.hot, SystemClock()).seal_all(keep=1)
    recorded.hot.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    found = Traces(recorded.path).since(0)[0]
    body = Traces(recorded.path).bodies(found)
    assert json.loads(json.loads(body.request)["tools"][0]["arguments"]) == {
        "to": "[email]", "card": "[card]"}  # fmt: skip
    assert {p.suffix for p, _ in everything(tmp_path)} >= {".seg", ".db", ".parquet"}
    planted = [SECRET, json.dumps(SECRET)[1:-1], "péter", "4111", "ДЕЖ-123", "abc-123"]
    for path, data in everything(tmp_path):
        for secret in planted:
            assert secret.encode() not in data, (path, secret)
    records.close()


def test_what_masking_fails_at_or_takes_too_long_for_is_withheld(recording, caplog):
    def broken(text):
        raise KeyError(text)

    def slow(text):
        if SECRET in text:
            time.sleep(1.01)
        return ()

    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 5}}
    for detector in (broken, slow):
        recorded = recording([rule("odd")], odd=detector)
        recorded.call(1, request=asked(SECRET), response=json.dumps(usage).encode(), unit=SECRET)
        found = recorded.newest()
        assert (found.input_text, found.unit, found.tags) == (None, "", {"masking": "withheld"})
        assert (found.prompt_tokens, found.completion_tokens) == (3, 5)
        assert Traces(recorded.path).bodies(found).request == b""
        assert SECRET not in caplog.text
        recorded.close()
        recorded.path.unlink()


def test_rules_are_of_a_channel_and_of_a_part(recording):
    recorded = recording([rule("email", channel="a"), rule("card", where="bodies"),
                          rule("tag", "attribute", "order", where="attributes")])  # fmt: skip
    recorded.call(1, channel="b", request=asked(f"{SECRET} {CARD}"),
                  tags={"order": "7", "note": CARD})  # fmt: skip
    found = recorded.newest()
    assert found.input_text == f"{SECRET} [card]"
    assert found.tags == {"order": "[tag]", "note": CARD}
    recorded.call(2, channel="a", request=asked(SECRET))
    assert recorded.newest().input_text == "[email]"


def test_nothing_is_recorded_while_the_rules_cannot_be_read(recording, tmp_path):
    recorded = recording()
    recorded.call(1, request=asked(SECRET))
    for content in (None, b"[{"):
        (tmp_path / "mask.json").unlink()
        if content is not None:
            (tmp_path / "mask.json").write_bytes(content)
        with pytest.raises(OSError, match=r"mask\.json"):
            recorded.recorder.drain()
        (tmp_path / "mask.json").write_bytes(b"[]")
    assert recorded.newest().input_text == SECRET, "and without rules all is as it was said"


@pytest.mark.parametrize(
    ("name", "text", "hidden"),
    [
        ("email", "írj: kovács.péter@példa.hu!", "írj: []!"),
        ("email", "邮箱是joe@x.com请", "邮箱是[]请"),
        ("email", "用户@例子.公司", "[]"),
        ("email", "a @ b, @you, 5@", "a @ b, @you, 5@"),
        ("phone", "tel. +36 30 123 4567, (06-30) 123 4567", "tel. [], []"),
        ("phone", "8 (495) 123-45-67, 电话13800138000", "[], 电话[]"),
        ("phone", "2026-11-21 20:15, 192.168.100.200, 1790000000", None),
        ("iban", "IBAN de89 3704 0044 0532 0130 00 danke", "IBAN [] danke"),
        ("iban", "DE88 3704 0044 0532 0130 00", None),
        ("card", "12 4111 1111 1111 1111, 378282246310005", "12 [], []"),
        ("card", "4111 1111 1111 1112, 200 1790000000", None),
        ("secret", "key sk-proj-abcdefghijklmnop1234, AKIAIOSFODNN7EXAMPLE.", "key [], []."),
        ("secret", "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "a\n[]"),
        ("secret", "a task-force is no secret", None),
    ],
)  # fmt: skip
def test_what_is_built_in_finds_what_people_write(name, text, hidden):
    texts = Texts([MaskRule("", name, "detect", name, "[]")], DETECTORS)
    assert texts.hide([text]).get(text, text) == (text if hidden is None else hidden)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(values, st.booleans())
def test_a_body_stays_json_and_what_is_not_hidden_stays_as_it_was(value, events):
    said = json.dumps(value).encode()
    body = b"data: " + said + b"\n\n" if events else said
    texts = Texts([rule("email")], DETECTORS)
    made = mask_body(body, texts, lambda name: None)
    if SECRET not in json.dumps(value, ensure_ascii=False) and b"@" not in body:
        assert made == body
    masked = json.loads(made.removeprefix(b"data: "), strict=False)
    assert type(masked) is type(value) or isinstance(value, str | int)
    assert SECRET not in json.dumps(masked, ensure_ascii=False)


def test_hostile_texts_are_searched_in_time_that_grows_with_them():
    rules = [rule(name) for name in DETECTORS] + [rule("evil", "regex", "(a+)+$")]
    hostile = ["a" * 20_000 + "!", "@" * 20_000, "1 " * 10_000, "+1" * 10_000, "a.@" * 7_000,
               "DE89 " * 4_000, "eyJaaaaaaaa." * 2_000, "-----BEGIN PRIVATE KEY-----" * 800]  # fmt: skip
    for text in hostile:
        Texts(rules, DETECTORS).hide([text])
