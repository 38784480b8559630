"""Tokens: who gets them for what, how long they are good, what ends them. (RFC 6749 5, 7009, 7523, 7662, 9449, 9700)"""

import asyncio
import secrets
from typing import Any

import pytest
from joserfc.jwk import ECKey

from personal.rules.dpop import hashed
from personal.store.sessions import digest
from tests.personal.live import Live
from tests.personal.provider.visiting import BACK, Browser, Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNKNOWN = {"active": False}


@pytest.fixture
def bound(library: Client) -> Client:
    return Client(library.live, "library", dpop=ECKey.generate_key("P-256"))


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_everything(
    library: Client, browser: Browser, login: str
) -> None:
    first = await library.entered(browser, login)
    second = (await library.refresh(first["refresh_token"])).json
    assert second["refresh_token"] != first["refresh_token"]
    old, new = [await library.told(one["id_token"]) for one in (first, second)]
    assert {old[name] == new[name] for name in ("sub", "sid", "auth_time", "iss", "aud")} == {True}
    assert "nonce" not in new
    assert (await library.introspect(second["access_token"]))["active"] is True
    again = await library.refresh(first["refresh_token"])
    assert again.status == 400 and again.json["error"] == "invalid_grant"
    for token in (first["access_token"], second["access_token"], second["refresh_token"]):
        assert await library.introspect(token) == UNKNOWN
    assert (await library.refresh(second["refresh_token"])).json["error"] == "invalid_grant"


def refresh_rows(live: Live, person: str) -> int:
    sql = "SELECT count(*) FROM service_token JOIN service_login ON login = id WHERE person = ? AND kind = 'refresh'"
    return int(live.town.store.read(lambda db: db.execute(sql, (person,)).get))


@pytest.mark.parametrize("oldest", [0, 3])
async def test_of_spent_refresh_tokens_nothing_is_kept_and_each_is_known_again(
    live: Live, library: Client, browser: Browser, login: str, oldest: int
) -> None:
    given = [await library.entered(browser, login)]
    person = await live.person(login)
    for _ in range(4):
        given.append((await library.refresh(given[-1]["refresh_token"])).json)
        assert refresh_rows(live, person) == 1
    assert (await library.introspect(given[oldest]["refresh_token"])) == UNKNOWN
    assert (await library.introspect(given[-1]["refresh_token"]))["active"] is True
    again = await library.refresh(given[oldest]["refresh_token"])
    assert again.status == 400 and again.json["error"] == "invalid_grant"
    assert await library.introspect(given[-1]["access_token"]) == UNKNOWN
    assert refresh_rows(live, person) == 0


async def test_a_spent_refresh_token_is_taken_back_by_its_service_only(
    library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    first = await library.entered(browser, login)
    second = (await library.refresh(first["refresh_token"])).json
    stolen, unknown = [await shelter.refresh(one) for one in (first["refresh_token"], "x" * 43)]
    assert (stolen.status, stolen.raw) == (unknown.status, unknown.raw)
    assert (await shelter.call("revoke", token=first["refresh_token"])).status == 200
    assert (await library.introspect(second["access_token"]))["active"] is True
    assert (await library.call("revoke", token=first["refresh_token"])).status == 200
    assert await library.introspect(second["access_token"]) == UNKNOWN


async def test_what_is_no_refresh_token_of_a_login_does_not_end_it(
    library: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    family, _, last = tokens["refresh_token"].partition(".")
    for wrong in (tokens["access_token"], last, f".{last}", f"{last}.{family}", "." * 50):
        assert (await library.refresh(wrong)).json["error"] == "invalid_grant"
    assert (await library.introspect(tokens["access_token"]))["active"] is True
    assert (await library.refresh(tokens["refresh_token"])).status == 200


async def test_refresh_tokens_from_before_they_had_families_go_on(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    tokens, person = await library.entered(browser, login), await live.person(login)
    old, spent = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    def age(db: Any) -> None:
        db.execute("UPDATE service_login SET family = NULL WHERE person = ?", (person,))
        db.execute(
            "UPDATE service_token SET hash = ? WHERE hash = ?", (digest(old), digest(tokens["refresh_token"]))
        )
        db.execute(
            "INSERT INTO service_token SELECT ?, login, kind, jkt, made, until, made FROM service_token WHERE hash = ?",
            (digest(spent), digest(old)),
        )

    await live.town.store.write(age)
    second = (await library.refresh(old)).json
    third = (await library.refresh(second["refresh_token"])).json
    for used in (spent, second["refresh_token"]):
        assert await library.introspect(used) == UNKNOWN
    assert (await library.refresh(spent)).json["error"] == "invalid_grant"
    assert await library.introspect(third["access_token"]) == UNKNOWN


async def test_of_two_refreshes_at_once_at_most_one_is_answered(
    library: Client, browser: Browser, login: str
) -> None:
    token = (await library.entered(browser, login))["refresh_token"]
    replies = await asyncio.gather(*(library.refresh(token) for _ in range(4)))
    assert sum(reply.status == 200 for reply in replies) <= 1


async def test_a_code_used_twice_ends_what_came_of_it(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    landed = await library.agreed(browser, login)
    tokens = (await library.token(landed.told["code"])).json
    again = await library.token(landed.told["code"])
    assert again.json["error"] == "invalid_grant"
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    told = (await live.get("/me/accesses", by=await live.resident(login))).json["accesses"]
    assert any("somebody else may have had a token" in one["action"]["en"] for one in told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": None},
        {"code_verifier": "a" * 43},
        {"code_verifier": "ä" * 43},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": None},
    ],
)
async def test_a_code_without_its_proofs_is_good_for_nothing(
    library: Client, browser: Browser, login: str, wrong: dict[str, Any]
) -> None:
    code = (await library.agreed(browser, login)).told["code"]
    assert (await library.token(code, **wrong)).json["error"] == "invalid_grant"
    assert (await library.token(code)).json["error"] == "invalid_grant", "it is spent"


async def test_what_is_too_old_is_good_for_nothing(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    person = await live.person(login)

    async def age(sql: str) -> None:
        await live.town.store.write(lambda db: db.execute(sql, (person,)))

    code = (await library.agreed(browser, login)).told["code"]
    (left,) = live.town.store.read(
        lambda db: list(db.execute("SELECT code_until - made FROM service_login WHERE person = ?", (person,)))
    )
    assert left == (60_000_000,)
    await age("UPDATE service_login SET code_until = made + 1 WHERE person = ?")
    assert (await library.token(code)).json["error"] == "invalid_grant"
    of_theirs = "WHERE login IN (SELECT id FROM service_login WHERE person = ?)"
    tokens = await library.entered(browser, login)
    assert tokens["expires_in"] == 300
    await age(f"UPDATE service_token SET until = made + 1 {of_theirs} AND kind = 'access'")
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    assert (await library.userinfo(tokens["access_token"])).status == 401
    tokens = (await library.refresh(tokens["refresh_token"])).json
    await age("UPDATE service_login SET until = made + 1 WHERE person = ?")
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    assert (await library.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"


async def test_a_code_of_another_service_is_like_an_unknown_one(
    library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    code = (await library.agreed(browser, login)).told["code"]
    thief = await shelter.token(code, code_verifier=library.verifier)
    unknown = await shelter.token("x" * 43, code_verifier=library.verifier)
    assert (thief.status, thief.raw) == (unknown.status, unknown.raw)
    assert (await library.token(code)).status == 200


async def test_tokens_of_another_service_are_like_unknown_ones(
    library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    for kind in ("access_token", "refresh_token"):
        found = [await shelter.call("introspect", token=token) for token in (tokens[kind], "x" * 43)]
        assert found[0].raw == found[1].raw and found[0].status == found[1].status == 200
        gone = [await shelter.call("revoke", token=token) for token in (tokens[kind], "x" * 43)]
        assert gone[0].raw == gone[1].raw and gone[0].status == 200
    stolen, unknown = [await shelter.refresh(one) for one in (tokens["refresh_token"], "x" * 43)]
    assert (stolen.status, stolen.raw) == (unknown.status, unknown.raw)
    assert (await library.introspect(tokens["access_token"]))["active"] is True


async def test_a_service_that_is_named_may_ask_about_tokens_and_learns_no_name(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    await live.service("gateway", uses_login(resourceServices=["shelves"]))
    await live.service("shelves")
    tokens = await Client(live, "gateway").entered(browser, login)
    found = await Client(live, "shelves").introspect(tokens["access_token"])
    assert found["active"] is True and found["client_id"] == "gateway"
    assert not {"sub", "sid", "auth_time"} & found.keys()
    assert await Client(live, "shelves").introspect(tokens["refresh_token"]) == UNKNOWN


async def test_taking_back_a_refresh_token_ends_the_login_there(
    library: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    other = (await library.refresh(tokens["refresh_token"])).json
    assert (await library.call("revoke", token=tokens["access_token"])).status == 200
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    assert (await library.introspect(other["access_token"]))["active"] is True
    assert (await library.call("revoke", token=other["refresh_token"])).status == 200
    assert await library.introspect(other["access_token"]) == UNKNOWN


async def test_scope_never_grows(library: Client, browser: Browser, login: str) -> None:
    tokens = await library.entered(browser, login)
    wider = await library.refresh(tokens["refresh_token"], scope="openid purpose:lending")
    assert wider.json["error"] == "invalid_scope"
    assert (await library.refresh(tokens["refresh_token"], scope="openid")).status == 200


async def test_a_service_that_wants_surer_logins_gets_nothing_more_by_former_ones(
    live: Live, browser: Browser, login: str
) -> None:
    await live.service("clinic", uses_login())
    clinic = Client(live, "clinic")
    weak = await clinic.entered(browser, login, 2)
    page = await clinic.agreed(browser, login, 2)
    await live.service("clinic", uses_login(leastLevel="aal3"))
    assert await clinic.introspect(weak["access_token"]) == UNKNOWN
    assert await clinic.introspect(weak["refresh_token"]) == UNKNOWN
    assert (await clinic.userinfo(weak["access_token"])).status == 401
    assert (await clinic.refresh(weak["refresh_token"])).json["error"] == "invalid_grant"
    assert (await clinic.token(page.told["code"])).json["error"] == "invalid_grant"
    page = await browser.log_in(await browser.open(clinic.where()), login, 3)
    sure = (await clinic.token(page.told["code"])).json
    assert (await clinic.introspect(sure["access_token"]))["acr"] == "aal3"
    assert (await clinic.refresh(sure["refresh_token"])).status == 200


async def test_a_service_proves_itself_by_its_key_and_by_nothing_else(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    code = (await library.agreed(browser, login)).told["code"]
    used = live.assertion("library", aud=library.issuer)
    assert (await library.call("introspect", token="x", client_assertion=used)).status == 200
    wrong: list[dict[str, Any]] = [
        {"client_assertion": used},
        {"client_assertion": None},
        {
            "client_assertion": None,
            "client_assertion_type": None,
            "client_id": "library",
            "client_secret": "x",
        },
        {"client_assertion": live.assertion("library", aud="http://other.example")},
        {"client_assertion": live.assertion("library", aud=f"{live.url}/oidc/asago")},
        {"client_assertion": live.assertion("library", aud=library.issuer, exp=1)},
        {"client_assertion": live.assertion("library", aud=library.issuer, exp=2**40)},
        {"client_assertion": live.assertion("shelter", aud=library.issuer, iss="library", sub="library")},
        {"client_assertion": live.assertion("library", aud=library.issuer), "client_id": "shelter"},
        {"client_assertion": "x.y.z"},
    ]
    for form in wrong:
        reply = await library.token(code, **form)
        assert reply.status == 401 and reply.json["error"] == "invalid_client", form
    basic = {"Authorization": "Basic bGlicmFyeTp4"}
    refused = await library.call("token", basic, client_assertion=None, grant_type="authorization_code")
    assert refused.status == 401
    assert (await library.token(code)).status == 200, "the code was not touched"


async def test_an_assertion_for_the_token_endpoint_of_the_data_is_none_here(
    live: Live, library: Client
) -> None:
    refused = await library.call("introspect", token="x", client_assertion=live.assertion("library"))
    assert refused.status == 401


async def test_tokens_are_bound_to_the_key_that_the_service_shows(
    library: Client, bound: Client, browser: Browser, login: str
) -> None:
    tokens = await bound.entered(browser, login)
    assert tokens["token_type"] == "DPoP"
    token = tokens["access_token"]
    assert (await bound.introspect(token))["cnf"] == {"jkt": bound.dpop.thumbprint() if bound.dpop else ""}
    assert (await bound.userinfo(token)).status == 200
    assert (await library.userinfo(token)).status == 401, "without a proof it is worth nothing"
    bare = await bound.raw("GET", "userinfo", None, {"Authorization": f"DPoP {token}"})
    other = Client(library.live, "library", dpop=ECKey.generate_key("P-256"))
    assert bare.status == 401 and (await other.userinfo(token)).status == 401
    downgraded = await library.refresh(tokens["refresh_token"])
    assert downgraded.json["error"] == "invalid_dpop_proof"
    assert (await bound.refresh(tokens["refresh_token"])).json["token_type"] == "DPoP"


async def test_a_proof_is_good_for_one_request_once(bound: Client, browser: Browser, login: str) -> None:
    token = (await bound.entered(browser, login))["access_token"]

    async def ask(proof: str, scheme: str = "DPoP") -> int:
        headers = {"Authorization": f"{scheme} {token}", "DPoP": proof}
        return (await bound.raw("GET", "userinfo", None, headers)).status

    good = bound.proof("GET", "userinfo", token)
    assert await ask(good) == 200
    wrong = [
        good,
        bound.proof("POST", "userinfo", token),
        bound.proof("GET", "token", token),
        bound.proof("GET", "userinfo"),
        bound.proof("GET", "userinfo", "x" * 43),
        bound.proof("GET", "userinfo", token, iat=1),
        bound.proof("GET", "userinfo", token, iat=2**40),
        bound.proof("GET", "userinfo", token, jti=""),
        bound.proof("GET", "userinfo", token, jti=7),
        "x.y.z",
    ]
    assert [await ask(proof) for proof in wrong] == [401] * len(wrong)
    assert hashed(token) not in (good, "")


async def test_proofs_of_strangers_are_not_kept(live: Live, bound: Client) -> None:
    """Who has no token cannot fill the store with proofs, each under an identifier of its own."""

    def kept(db: Any) -> int:
        return int(db.execute("SELECT count(*) FROM assertion").get)

    before = live.town.store.read(kept)
    assert [(await bound.userinfo("x" * 43)).status for _ in range(3)] == [401] * 3
    assert live.town.store.read(kept) <= before


async def test_a_code_is_bound_to_the_key_that_its_request_named(
    library: Client, bound: Client, browser: Browser, login: str
) -> None:
    assert bound.dpop is not None
    code = (await bound.agreed(browser, login, dpop_jkt=bound.dpop.thumbprint())).told["code"]
    thief = await library.token(code, code_verifier=bound.verifier)
    assert thief.json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "form", [{}, {"grant_type": "password"}, {"grant_type": "client_credentials"}, {"grant_type": "implicit"}]
)
async def test_there_are_no_other_grants(library: Client, form: dict[str, str]) -> None:
    assert (await library.call("token", **form)).json["error"] == "unsupported_grant_type"


async def test_a_parameter_given_twice_is_refused(library: Client) -> None:
    reply = await library.raw("POST", "token", [("grant_type", "a"), ("grant_type", "b")])
    assert reply.status == 400 and reply.json["error"] == "invalid_request"


async def test_secrets_are_kept_as_hashes_only(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    landed = await library.agreed(browser, login)
    tokens = (await library.token(landed.told["code"])).json
    dump = live.town.store.read(
        lambda db: str(
            [list(db.execute(f"SELECT * FROM {name}")) for name in ("service_login", "service_token")]
        )
    )
    for secret in (landed.told["code"], tokens["access_token"], tokens["refresh_token"]):
        assert len(secret) >= 43 and secret not in dump
