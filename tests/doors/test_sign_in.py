"""Who may say what at which door; what other sites and other users may not."""

import pytest

from support.workspace import ANNA
from volano.core.ids import trace_id
from volano.web.api import VERBS

OWNER_ONLY = [v for v in VERBS if v.scope == "admin"]


@pytest.fixture
def key(app):
    def make(*scopes, **more):
        return app.keys.create("app", scopes=scopes, by=ANNA, **more)

    return make


def bearer(relay, text):
    return relay.with_(authorization=f"Bearer {text}")


def path_of(verb):
    return "/api/v1" + verb.path.replace("{", "").replace("}", "")


def test_the_owner_at_the_local_door_needs_nothing(local):
    assert local.get("/api/v1/models").status == 200
    made = local.post("/api/v1/keys", {"name": "Ügyfél"})
    assert made.status == 200
    assert made.json["text"].startswith("vk_")
    event = local.get("/api/v1/audit?limit=1").json[0]
    assert event["verb"] == "create"
    assert event["principal"].startswith("person:")


def test_the_relay_door_wants_a_session_or_a_key(relay):
    for answer in (relay.get("/api/v1/models"), relay.post("/api/v1/keys", {"name": "x"})):
        assert answer.status == 401
        assert answer.error["code"] == "no_session"
        assert "volano status" in answer.error["hint"]


@pytest.mark.parametrize("verb", OWNER_ONLY, ids=lambda v: f"{v.noun} {v.name}")
def test_no_key_says_what_is_the_owners(relay, key, verb):
    _, text = key("chat:*", "feedback", "read")
    door = bearer(relay, text)
    answer = door.ask(verb.method, path_of(verb))
    assert (answer.status, answer.error["code"]) == (403, "owner_only")
    assert (
        answer.error["message"] == f"Only the owner may say `{verb.noun} {verb.name}`, and no key."
    )


def test_scopes_open_their_verbs_and_no_others(relay, key):
    _, reads = key("read")
    _, judges = key("feedback")
    trace = trace_id()
    assert bearer(relay, reads).get("/api/v1/traces").status == 200
    assert bearer(relay, judges).get("/api/v1/traces").status == 403
    said = {"value": 1}
    path = f"/api/v1/traces/{trace}/feedback"
    assert bearer(relay, reads).post(path, said).status == 403
    answer = bearer(relay, judges).post(path, said)
    assert answer.status == 200
    assert answer.json["by"] == "service:key/app"


def test_a_key_for_prompts_reads_them_and_moves_no_label(relay, local, key):
    local.post("/api/v1/prompts/scoped/save", {"template": "Q: {{input}}"})
    local.post("/api/v1/prompts/scoped@1/label", {"label": "live"})
    _, text = key("prompts")
    door = bearer(relay, text)
    assert door.get("/api/v1/prompts/scoped:live/fetch").json["template"] == "Q: {{input}}"
    assert door.get("/api/v1/prompts/scoped:none/fetch").status == 404
    assert door.post("/api/v1/prompts/scoped@1/label", {"label": "x"}).status == 403
    assert door.get("/api/v1/prompts").status == 403
    _, other = key("chat:*", "feedback", "read")
    assert bearer(relay, other).get("/api/v1/prompts/scoped/fetch").status == 403


def test_what_a_key_says_counts_for_its_group(relay, key):
    _, text = key("feedback", group="shop/web")
    path = f"/api/v1/traces/{trace_id()}/feedback"
    assert bearer(relay, text).post(path, {"value": 0}).json["group"] == "shop/web"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_said_in_any_case(relay, key, scheme):
    _, text = key("read")
    assert relay.with_(authorization=f"{scheme}  {text} ").get("/api/v1/traces").status == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic dm9sYW5vOng=", "vk_x", "Bearer vk_a_b_c",
     "Bearer \xff\xfe", "Bearer " + "x" * 100_000, "Bearer vk_aaaaaaaa_" + "0" * 32 + "_aaaaaa"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_bad_credentials(relay, authorization):
    answer = relay.with_(authorization=authorization).get("/api/v1/traces")
    assert answer.status == 401
    assert len(answer.error["message"]) < 200


def test_revoked_and_expired_keys(relay, app, key):
    gone, text = key("read")
    app.keys.revoke(gone.id, by=ANNA)
    assert bearer(relay, text).get("/api/v1/traces").error["code"] == "revoked_key"
    late, text = key("read", expires_us=app.clock.now_us() + 20_000)
    while late.live(app.clock.now_us()):
        pass
    assert bearer(relay, text).get("/api/v1/traces").error["code"] == "expired_key"


def test_a_wrong_key_beside_a_session_is_refused(console):
    assert console.with_(authorization="Bearer vk_x").get("/api/v1/traces").status == 401


def test_the_consoles_session_may_say_all(console):
    assert console.get("/api/v1/models").status == 200
    assert console.post("/api/v1/keys", {"name": "by console"}).status == 200


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é", '"', "a=b"])
def test_a_wrong_session(relay, token):
    assert relay.with_(cookie=f"volano_session={token}").get("/api/v1/models").status == 401


@pytest.mark.parametrize(
    "host",
    [None, "", "evil.example", "evil.example:7070", "127.0.0.1", "127.0.0.1:7071",
     "localhost:7070.evil.example", "127.0.0.1:7070@evil.example", "0.0.0.0:7070",
     "[::1]", "127.0.0.1:7070\xff", "localhost.:7070"],
)  # fmt: skip
def test_dns_rebinding_is_refused_with_session_and_with_key(relay, console, key, host):
    _, text = key("read")
    for door in (console, bearer(relay, text)):
        answer = door.with_(host=host).get("/api/v1/traces")
        assert (answer.status, answer.error["code"]) == (403, "forbidden_host")
    page = console.with_(host=host).get("/")
    assert page.status == 403
    assert str(console.app.settings.home.name) not in page.body.decode()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7070", "localhost:7070", "[::1]:7070", "LocalHost:7070"]
)
def test_names_of_this_machine(console, host):
    assert console.with_(host=host).get("/api/v1/models").status == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:7071", "https://127.0.0.1:7070",
     "http://127.0.0.1:7070.evil.example", "file://", "http://evil.example:7070", "",
     "chrome-extension://abc"],
)  # fmt: skip
def test_pages_of_others_are_refused_even_with_the_cookie(console, origin):
    for answer in (
        console.with_(origin=origin).post("/api/v1/keys", {"name": "stolen"}),
        console.with_(origin=origin).get("/api/v1/models"),
    ):
        assert (answer.status, answer.error["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever"])
def test_a_change_from_another_site_without_an_origin(console, app, site):
    before = len(app.keys.list())
    door = console.with_(sec_fetch_site=site)
    answer = door.post("/api/v1/keys", {"name": "stolen"})
    assert (answer.status, answer.error["code"]) == (403, "cross_site")
    assert len(app.keys.list()) == before
    assert door.get("/api/v1/models").status == 200, "following a link is no change"


@pytest.mark.parametrize("site", ["same-origin", "none", None])
def test_a_change_from_the_consoles_own_pages(console, site):
    own = console.with_(sec_fetch_site=site, origin="http://127.0.0.1:7070")
    assert own.post("/api/v1/keys", {"name": "own"}).status == 200


def test_files_of_this_machine_are_read_for_the_local_door_only(local, console, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"question {n},a\n" for n in range(9)))
    given = {"path": str(path), "test_share": 0.2}
    refused = console.post("/api/v1/datasets/stolen/add", given)
    assert (refused.status, refused.error["code"]) == (400, "local_only")
    assert local.post("/api/v1/datasets/rows/add", given).status == 200


def test_the_link_becomes_a_cookie_once(relay, app):
    answer = relay.get(f"/?session={app.session_token}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert app.session_token in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part.lower() in cookie.lower()
    jar = cookie.partition(";")[0]
    assert relay.with_(cookie=jar).get("/").status == 200


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example", "///evil.example", "/%0d%0ax"]
)
def test_the_link_leads_nowhere_else(relay, app, path):
    answer = relay.get(f"{path}?session={app.session_token}")
    assert answer.status in (303, 401, 404)
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "\r" not in location


def test_a_link_from_a_rebound_name_gives_no_cookie(relay, app):
    answer = relay.with_(host="evil.example:7070").get(f"/?session={app.session_token}")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/nowhere", "/?session=wrong", "/traces"])
def test_pages_want_the_session(relay, path):
    answer = relay.get(path)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "volano status" in answer.body.decode()
    assert relay.app.settings.home.name not in answer.body.decode(), "a stranger learns no paths"


def test_a_page_for_programs_is_refused_in_their_words(relay):
    assert relay.with_(accept="application/json").get("/").error["code"] == "no_session"


def test_the_owners_facts_are_told_at_the_local_door_only(local, console, relay):
    for door in (console, relay):
        assert door.post("/api/v1/welcome").status == 401
        assert door.get("/api/v1/status").status == 401
    assert local.get("/api/v1/status").json["channels"][0]["name"] == "ticket-router"
    assert local.post("/api/v1/welcome").json["channels"] == {"ticket-router": "ticket-router@1"}


def test_a_key_of_some_addresses_opens_from_there_only(relay, key):
    _, text = key("read", ips=["10.0.0.0/8"])
    inside = relay.with_(**{"authorization": f"Bearer {text}", "x-volano-client": "10.1.2.3"})
    outside = relay.with_(**{"authorization": f"Bearer {text}", "x-volano-client": "127.0.0.1"})
    assert inside.get("/api/v1/traces").status == 200
    for door in (outside, bearer(relay, text)):
        answer = door.get("/api/v1/traces")
        assert (answer.status, answer.error["code"]) == (403, "forbidden_address")
