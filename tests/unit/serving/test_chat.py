import json

import httpx2
import pytest

from volano.core.errors import InvalidError, UnavailableError
from volano.serving import (
    BadAddressError,
    BadAnswerError,
    ChatRefusedError,
    ChatUnavailableError,
    HttpChat,
    open_chat,
)

ASK = [{"role": "user", "content": "szia"}]
GOOD = {
    "choices": [{"message": {"content": "igen"}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}


def chat_over(handler) -> HttpChat:
    client = httpx2.Client(transport=httpx2.MockTransport(handler), base_url="http://engine")
    return HttpChat(client, "unix:/x.sock", "/v1/chat/completions", "router")


def test_a_question_is_sent_and_its_answer_read():
    sent = []

    def handler(request):
        sent.append((request.url.path, json.loads(request.content)))
        return httpx2.Response(200, json=GOOD)

    answer = chat_over(handler)(ASK, max_tokens=5, temperature=0)

    assert sent == [
        (
            "/v1/chat/completions",
            {"model": "router", "messages": ASK, "max_tokens": 5, "temperature": 0},
        )
    ]
    assert (answer.text, answer.finish_reason) == ("igen", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 1)


def test_usage_may_be_missing_and_content_null():
    body = {"choices": [{"message": {"content": None}}]}
    answer = chat_over(lambda _: httpx2.Response(200, json=body))(ASK)
    assert (answer.text, answer.prompt_tokens) == ("", None)


def test_a_refusal_carries_the_other_sides_words():
    body = {"error": {"message": "too long"}}
    with pytest.raises(ChatRefusedError, match="status 400: too long") as caught:
        chat_over(lambda _: httpx2.Response(400, json=body))(ASK)
    assert isinstance(caught.value, InvalidError)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_unavailable(status):
    with pytest.raises(ChatUnavailableError, match=str(status)):
        chat_over(lambda _: httpx2.Response(status, text="busy"))(ASK)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"choices": []}', b'{"choices": [7]}'])
def test_a_stranger_who_answers_200_is_noticed(body):
    with pytest.raises(BadAnswerError):
        chat_over(lambda _: httpx2.Response(200, content=body))(ASK)


def test_a_dead_socket_is_unavailable(tmp_path):
    with open_chat(f"unix:{tmp_path}/none.sock", "router") as chat:
        assert not chat.ready()
        with pytest.raises(UnavailableError, match=r"none\.sock"):
            chat(ASK)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://127.0.0.1:8080", "/v1/chat/completions"),
        ("https://api.example.com/v1", "/v1/chat/completions"),
        ("https://example.com/proxy/v1/chat/completions", "/proxy/v1/chat/completions"),
    ],
)
def test_the_path_is_completed(url, path):
    with open_chat(url, "m") as chat:
        assert chat._path == path


@pytest.mark.parametrize(
    "url", ["ftp://host", "example.com", "http://", "https://me:secret@host", "http://[::1"]
)
def test_bad_addresses_are_named_without_their_secrets(url):
    with pytest.raises(BadAddressError) as caught:
        open_chat(url, "m")
    assert "secret" not in caught.value.message


def test_a_key_never_travels_unencrypted():
    with pytest.raises(BadAddressError, match="unencrypted"):
        open_chat("http://example.com", "m", api_key="sk-1")
    open_chat("http://127.0.0.1:1", "m", api_key="sk-1").close()


# ---- as a stream


def told(*events, end="data: [DONE]\n\n"):
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in events) + end
    return httpx2.Response(200, text=body, headers={"content-type": "text/event-stream"})


def delta(text, reason=None):
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


def test_pieces_come_as_they_come_and_the_whole_at_last():
    usage = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    sent = []

    def handler(request):
        sent.append(json.loads(request.content))
        return told(delta("Hal"), delta("ló", "stop"), usage)

    *pieces, answer = chat_over(handler).stream(ASK, seed=3)
    assert pieces == ["Hal", "ló"]
    assert (answer.text, answer.finish_reason) == ("Halló", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 2)
    assert sent[0] | {"stream": True, "seed": 3} == sent[0]


def test_a_stream_that_breaks_off_is_cut():
    *_, answer = chat_over(lambda _: told(delta("да"), end="")).stream(ASK)
    assert (answer.text, answer.finish_reason) == ("да", "cut")


def test_an_answer_that_is_no_stream_is_one_piece():
    assert next(iter(chat_over(lambda _: httpx2.Response(200, json=GOOD)).stream(ASK))) == "igen"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(told({"error": {"message": "voll"}}), ChatUnavailableError),
     (told("kein Objekt"), BadAnswerError), (told(end="data: {\n\n"), BadAnswerError),
     (httpx2.Response(503), ChatUnavailableError), (httpx2.Response(400), ChatRefusedError)],
)  # fmt: skip
def test_a_stream_that_goes_wrong_says_how(answer, error):
    with pytest.raises(error):
        [*chat_over(lambda _: answer).stream(ASK)]


def test_vectors_come_from_the_door_beside_and_in_the_order_of_the_texts():
    sent = []

    def handler(request):
        sent.append((request.url.path, json.loads(request.content)["input"]))
        data = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1.0, 0.5]}]
        return httpx2.Response(200, json={"data": data})

    assert chat_over(handler).vectors(["jó", "好"]) == [[1.0, 0.5], [0.0, 1.0]]
    assert sent == [("/v1/embeddings", ["jó", "好"])]


def test_vectors_of_a_dated_api_are_asked_of_its_deployment_and_version():
    sent = []

    def handler(request):
        sent.append(str(request.url))
        return httpx2.Response(200, json={"data": [{"index": 0, "embedding": [1]}]})

    client = httpx2.Client(transport=httpx2.MockTransport(handler), base_url="http://engine/openai")
    path = "/deployments/e5/chat/completions?api-version=2024-10-21"
    assert HttpChat(client, "far", path, "e5").vectors(["jó"]) == [[1.0]]
    assert sent == ["http://engine/openai/deployments/e5/embeddings?api-version=2024-10-21"]


@pytest.mark.parametrize(
    "data", [[], [{"index": 1, "embedding": [1]}], [{"index": 0, "embedding": ["x"]}], None]
)
def test_vectors_that_are_missing_are_noticed(data):
    chat = chat_over(lambda _: httpx2.Response(200, json={"data": data}))
    with pytest.raises(BadAnswerError):
        chat.vectors(["jó"])


def test_who_gives_no_vectors_says_so():
    with pytest.raises(ChatRefusedError, match="no embeddings here"):
        chat_over(
            lambda _: httpx2.Response(404, json={"error": {"message": "no embeddings here"}})
        ).vectors(["jó"])
