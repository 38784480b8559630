"""Second factors of staff over HTTP: codes (RFC 6238) and passkeys (WebAuthn 2), and everything wrong about them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from base import clock
from personal.login import guarding
from tests.personal.live import Live, live_module
from tests.personal.login.authenticator import PRESENT, Passkey
from tests.personal.login.entering import code, enrolment, enter_staff, with_codes

pytestmark = pytest.mark.asyncio(loop_scope="module")
Wrong = Callable[[Passkey], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with live_module(tmp_path_factory.mktemp("factors") / "data") as running:
        yield running


async def member(live: Live, name: str, role: str = "counter") -> str:
    """Let a new member of staff join."""
    body = {"login": name, "name": name, "roles": [role]}
    reply = await live.post("/staff", body, by=await live.staff("admin"))
    assert reply.status == 201, reply.raw
    return str(reply.json["id"])


def passkey(live: Live) -> Passkey:
    return Passkey(live.url, "127.0.0.1")


async def with_passkey(live: Live, name: str) -> tuple[str, Passkey]:
    """Let a new member join, log in and make a passkey; give the token and the passkey."""
    await member(live, name)
    token, key = await enter_staff(live, name), passkey(live)
    given = await enrolment(live, name)
    begun = (await live.post("/factors/begin", {"kind": "passkey", "enrolment": given}, by=token)).json
    body = {"attempt": begun["attempt"], "credential": key.made(begun["options"])}
    made = await live.post("/factors", body, by=token)
    assert made.status == 201, made.raw
    return made.json["token"], key


async def challenge(live: Live, token: str) -> dict[str, Any]:
    reply = await live.post("/factors/give/begin", None, by=token)
    assert reply.status == 201, reply.raw
    told: dict[str, Any] = reply.json
    return told


async def test_after_the_first_factor_nothing_but_the_second_can_be_given(live: Live) -> None:
    await member(live, "a1")
    token = await enter_staff(live, "a1")
    session = (await live.get("/session", by=token)).json
    assert session["kind"] == "entrant" and session["roles"] == []
    for method, path in (("GET", "/proposals"), ("POST", "/residents/search"), ("GET", "/me/sessions")):
        assert (await live.ask(method, path, {} if method == "POST" else None, by=token)).status == 403
    assert (await live.ask("DELETE", "/session", by=token)).status == 204


async def test_a_code_completes_the_login_with_another_secret(live: Live) -> None:
    await member(live, "a2")
    _, secret = await with_codes(live, "a2")
    token = await enter_staff(live, "a2")
    given = await live.post("/factors/give", {"code": code(secret)}, by=token)
    assert given.status == 200
    assert (await live.get("/session", by=token)).status == 401  # fixation
    session = (await live.get("/session", by=given.json["token"])).json
    assert session["kind"] == "staff" and session["roles"] == ["counter"]


async def test_a_code_is_good_once_even_in_another_login(live: Live) -> None:
    await member(live, "a3")
    _, secret = await with_codes(live, "a3")
    shown = code(secret)
    for wanted in (200, 403):
        token = await enter_staff(live, "a3")
        assert (await live.post("/factors/give", {"code": shown}, by=token)).status == wanted


async def test_five_wrong_codes_end_the_login_and_make_the_member_wait(live: Live) -> None:
    id = await member(live, "a4")
    _, secret = await with_codes(live, "a4")
    token = await enter_staff(live, "a4")
    answers = [await live.post("/factors/give", {"code": "12345x"}, by=token) for _ in range(5)]
    assert {reply.status for reply in answers} == {403} and len({reply.raw for reply in answers}) == 1
    assert (await live.get("/session", by=token)).status == 401
    token = await enter_staff(live, "a4")
    reply = await live.post("/factors/give", {"code": code(secret)}, by=token)
    assert reply.status == 429 and reply.headers["Retry-After"]
    tried = await guarding.attempted(live.town, f"factor/{id}")
    later = clock.now() + guarding.SPAN + 1
    live.town.store.read(lambda db: guarding.check(db, tried, later))  # raises nothing


async def test_the_first_factor_needs_the_code_that_was_handed_out(live: Live) -> None:
    await member(live, "a5")
    token = await enter_staff(live, "a5")
    body = {"kind": "totp", "enrolment": "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"}
    assert (await live.post("/factors/begin", body, by=token)).status == 403
    assert (await live.post("/factors/begin", {"kind": "totp"}, by=token)).status == 403
    given = await enrolment(live, "a5")
    begun = await live.post("/factors/begin", {"kind": "totp", "enrolment": given.lower()}, by=token)
    made = {"attempt": begun.json["attempt"], "code": code(begun.json["secret"])}
    assert (await live.post("/factors", {**made, "code": "12345x"}, by=token)).status == 403
    assert (await live.post("/factors", made, by=token)).status == 201
    other = await enter_staff(live, "a5")
    again = {"kind": "totp", "enrolment": given}
    assert (await live.post("/factors/begin", again, by=other)).status == 403  # it is used up


async def test_who_has_a_factor_makes_no_other_before_giving_it(live: Live) -> None:
    await member(live, "a6")
    await with_codes(live, "a6")
    token = await enter_staff(live, "a6")
    assert (await live.post("/factors/begin", {"kind": "totp"}, by=token)).status == 403


async def test_an_administrator_hands_out_codes_to_others_without_factor_only(live: Live) -> None:
    id, admin = await member(live, "a7"), await live.staff("admin")
    reply = await live.post(f"/staff/{id}/enrolment", None, by=admin)
    assert reply.status == 201 and len(reply.json["enrolment"].replace("-", "")) == 24
    own = (await live.get("/session", by=admin)).json["id"]
    assert (await live.post(f"/staff/{own}/enrolment", None, by=admin)).status == 403
    await with_codes(live, "a7")
    assert (await live.post(f"/staff/{id}/enrolment", None, by=admin)).status == 409
    counter = await live.staff("counter")
    assert (await live.post(f"/staff/{id}/enrolment", None, by=counter)).status == 403


async def test_a_passkey_completes_the_login(live: Live) -> None:
    token, key = await with_passkey(live, "b1")
    listed = (await live.get("/factors", by=token)).json["factors"]
    assert [one["kind"] for one in listed] == ["passkey"]
    token = await enter_staff(live, "b1")
    asked = await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": key.used(asked["options"])}
    given = await live.post("/factors/give", body, by=token)
    assert given.status == 200
    assert (await live.get("/session", by=given.json["token"])).json["roles"] == ["counter"]


def _origin(key: Passkey) -> None:
    key.origin = "https://evil.example"


def _host(key: Passkey) -> None:
    key.host = "evil.example"


def _unverified(key: Passkey) -> None:
    key.flags = PRESENT


def _absent(key: Passkey) -> None:
    key.flags = 0x04


def _old(key: Passkey) -> None:
    key.count = -1


def _copy(key: Passkey) -> None:
    key.key = ec.generate_private_key(ec.SECP256R1())


def _stranger(key: Passkey) -> None:
    key.id = bytes(32)


@pytest.mark.parametrize("wrong", [_origin, _host, _unverified, _absent, _old, _copy, _stranger])
async def test_a_passkey_that_breaks_a_rule_is_refused_like_any_other(live: Live, wrong: Wrong) -> None:
    name = f"b2{wrong.__name__}"
    _, key = await with_passkey(live, name)
    token = await enter_staff(live, name)
    asked = await challenge(live, token)
    key.count = 5
    body = {"attempt": asked["attempt"], "credential": key.used(asked["options"])}
    if wrong is _old:  # it was used six times, then a copy of it comes with an older count
        token = (await live.post("/factors/give", body, by=token)).json["token"]
    wrong(key)
    asked = await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": key.used(asked["options"])}
    refused = await live.post("/factors/give", body, by=token)
    assert refused.status == 403 and "not accepted" in refused.json["detail"]


async def test_an_answer_to_another_challenge_is_refused(live: Live) -> None:
    _, key = await with_passkey(live, "b3")
    token = await enter_staff(live, "b3")
    old, asked = await challenge(live, token), await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": key.used(old["options"])}
    assert (await live.post("/factors/give", body, by=token)).status == 403
    made = key.used((fresh := await challenge(live, token))["options"], "webauthn.create")
    body = {"attempt": fresh["attempt"], "credential": made}
    assert (await live.post("/factors/give", body, by=token)).status == 403


async def test_a_challenge_is_answered_once_and_in_its_own_login(live: Live) -> None:
    _, key = await with_passkey(live, "b4")
    token, other = await enter_staff(live, "b4"), await enter_staff(live, "b4")
    asked = await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": key.used(asked["options"])}
    assert (await live.post("/factors/give", body, by=other)).status == 400
    given = await live.post("/factors/give", body, by=token)
    assert given.status == 200
    assert (await live.post("/factors/give", body, by=given.json["token"])).status == 400  # replayed


async def test_a_colleagues_passkey_is_not_accepted(live: Live) -> None:
    await with_passkey(live, "b5")
    _, stranger = await with_passkey(live, "b6")
    token = await enter_staff(live, "b5")
    asked = await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": stranger.used(asked["options"])}
    assert (await live.post("/factors/give", body, by=token)).status == 403


@pytest.mark.parametrize("wrong", [_origin, _host, _unverified, _absent])
async def test_a_passkey_that_breaks_a_rule_is_not_made(live: Live, wrong: Wrong) -> None:
    name = f"b7{wrong.__name__}"
    await member(live, name)
    token, given, key = await enter_staff(live, name), await enrolment(live, name), passkey(live)
    begun = (await live.post("/factors/begin", {"kind": "passkey", "enrolment": given}, by=token)).json
    wrong(key)
    body = {"attempt": begun["attempt"], "credential": key.made(begun["options"])}
    assert (await live.post("/factors", body, by=token)).status == 403


async def test_a_passkey_belongs_to_one_member(live: Live) -> None:
    _, key = await with_passkey(live, "b8")
    await member(live, "b9")
    token, given = await enter_staff(live, "b9"), await enrolment(live, "b9")
    begun = (await live.post("/factors/begin", {"kind": "passkey", "enrolment": given}, by=token)).json
    body = {"attempt": begun["attempt"], "credential": key.made(begun["options"])}
    assert (await live.post("/factors", body, by=token)).status == 409


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"rawId": 1}', '{"rawId": "AA"}', "x" * 300])
async def test_what_is_no_answer_of_a_passkey_is_refused(live: Live, answer: str) -> None:
    name = f"c{answer.encode()[:40].hex()}"
    await with_passkey(live, name)
    token = await enter_staff(live, name)
    asked = await challenge(live, token)
    body = {"attempt": asked["attempt"], "credential": answer}
    assert (await live.post("/factors/give", body, by=token)).status == 403


async def test_several_factors_can_be_had_and_the_last_one_stays(live: Live) -> None:
    await member(live, "d1")
    token, _ = await with_codes(live, "d1")
    other, key = await enter_staff(live, "d1"), passkey(live)
    begun = (await live.post("/factors/begin", {"kind": "passkey"}, by=token)).json
    body = {"attempt": begun["attempt"], "credential": key.made(begun["options"]), "name": "鍵"}
    token = (await live.post("/factors", body, by=token)).json["token"]
    assert (await live.get("/session", by=other)).status == 401  # other logins end
    other = await enter_staff(live, "d1")
    first, second = (await live.get("/factors", by=token)).json["factors"]
    assert (await live.ask("DELETE", f"/factors/{first['id']}", by=token)).status == 204
    assert (await live.get("/session", by=other)).status == 401  # other logins end
    assert (await live.ask("DELETE", f"/factors/{second['id']}", by=token)).status == 409
    assert (await live.ask("DELETE", f"/factors/{first['id']}", by=token)).status == 409


async def test_what_is_dangerous_needs_the_factor_again_after_a_while(live: Live) -> None:
    id = await member(live, "d2", "admin")
    token, secret = await with_codes(live, "d2")
    body = {"suspended": True}
    path = f"/staff/{await member(live, 'd3')}"
    assert (await live.ask("PATCH", path, body, by=token)).status == 200
    old = int(live.module.settings.factor_minutes * 60 * clock.SECOND) + 1
    sql = "UPDATE session SET factor = factor - ? WHERE actor = ?"
    await live.town.store.write(lambda db: db.execute(sql, (old, id)).fetchall())
    refused = await live.ask("PATCH", path, body, by=token)
    assert refused.status == 403 and refused.json["needs"] == "factor"
    token = (await live.post("/factors/give", {"code": code(secret)}, by=token)).json["token"]
    assert (await live.ask("PATCH", path, {"suspended": False}, by=token)).status == 200


async def test_secrets_stand_nowhere_in_the_database(live: Live) -> None:
    await member(live, "d4")
    token, secret = await with_codes(live, "d4")
    plain = secret.replace(" ", "").encode()
    files = [path.read_bytes() for path in live.town.store.path.parent.iterdir() if path.is_file()]
    assert all(plain not in raw and token.encode() not in raw for raw in files)
    sealed = live.town.store.read(lambda db: db.execute("SELECT sealed FROM factor").fetchall())
    assert sealed and all(len(row[0]) > 28 for row in sealed)
