"""Exchange between two municipalities, in one installation and in two: the other's resident decides. (issue 5)"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from base import clock
from personal.operations import peering
from personal.store import exchange
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    PURPOSE,
    agree,
    hold,
    leaves,
    name,
    reasons,
    service,
)
from tests.personal.live import ASAGO, YABU, Live, Reply, live_module

HANAKO = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}


@pytest.fixture(params=["one installation", "two installations"])
async def towns(request: Any, tmp_path: Path) -> AsyncIterator[tuple[Live, Live]]:
    """Run 養父 and 朝来; 養父's shelter may ask in 朝来 as 'yabu-shelter'."""
    if request.param == "one installation":
        async with live_module(tmp_path / "both", (YABU, ASAGO)) as live:
            await befriend(live, live.at("asago"))
            yield live, live.at("asago")
    else:
        async with (
            live_module(tmp_path / "a", (YABU,)) as yabu,
            live_module(tmp_path / "b", (ASAGO,)) as asago,
        ):
            await befriend(yabu, asago)
            yield yabu, asago


async def befriend(yabu: Live, asago: Live) -> None:
    await service(yabu, "shelter", "allergies", "care-needs")
    await service(asago, "yabu-shelter", "allergies", "care-needs")
    await register(asago, yabu, {"shelter": "yabu-shelter"})
    await register(yabu, asago, {})


async def register(at: Live, other: Live, services: dict[str, str], **more: Any) -> Reply:
    """Let two members of staff register the other town's module."""
    body = {
        "peer": other.town.code,
        "name": other.town.name,
        "url": other.url,
        "municipality": other.town.id,
        "keys": (await other.get("/keys")).json,
        "services": services,
        **more,
    }
    made = await at.post("/proposals", {"kind": "peer", "body": body}, by=await at.staff("catalogue"))
    assert made.status == 201, made.raw
    second = await at.staff("catalogue2")
    return await at.post(f"/proposals/{made.json['id']}/approve", None, by=second)


async def linked(yabu: Live, asago: Live, login: str = "hanako") -> tuple[str, str]:
    """Let a resident of both towns link their entries; give both internal ids."""
    here, there = await yabu.register(login, **HANAKO), await asago.register(login, **HANAKO)
    code = await begun(yabu, asago, login)
    ended = await finished(yabu, asago, login, code)
    assert ended.status == 204, ended.raw
    return here, there


async def begun(yabu: Live, asago: Live, login: str) -> str:
    begin = await yabu.post("/me/exchange/links", {"peer": asago.town.code}, by=await yabu.resident(login))
    assert begin.status == 201, begin.raw
    return str(begin.json["code"])


async def finished(yabu: Live, asago: Live, login: str, code: str) -> Reply:
    body = {"peer": yabu.town.code, "code": code}
    return await asago.post("/me/exchange/links/finish", body, by=await asago.resident(login))


async def ask(yabu: Live, subject: str, *items: str, peer: str = ASAGO.code) -> Reply:
    body = {"subject": subject, "purpose": PURPOSE, "items": list(items), "peer": peer}
    return await yabu.post("/exchange/disclosures", body, by=await yabu.service_token("shelter"))


async def protect(live: Live) -> None:
    by = await live.staff("protection")
    found = await live.post("/residents/search", HANAKO, by=by)
    body = {"resident": found.json["residents"][0]["resident"], "protected": True}
    assert (await live.post("/residents/protection", body, by=by)).status == 204


async def test_the_other_towns_resident_decides_and_both_write_it_down(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    here, there = await linked(yabu, asago)
    await hold(asago, there, allergies=ALLERGIES)
    subject = await name(yabu, here, "shelter")
    before = await ask(yabu, subject, "allergies", "care-needs")
    assert (before.status, before.json["items"]) == (200, {}), before.raw
    assert reasons(before) == {"allergies": "no-consent", "care-needs": "no-consent"}
    await agree(asago, there, "yabu-shelter", "allergies")
    told = await ask(yabu, subject, "allergies", "care-needs")
    assert told.json["items"] == {"allergies": ALLERGIES}
    for live, kind in ((yabu, "exchange-asked"), (asago, "exchange-disclosure")):
        assert sum(one["kind"] == kind and "subject" in one for one in leaves(live)) == 2
        seen = await live.get("/me/accesses", by=await live.resident("hanako"))
        assert any("municipality" in one["action"]["en"] for one in seen.json["accesses"])


async def test_consent_here_shows_nothing_there(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    here, there = await linked(yabu, asago)
    await hold(asago, there, allergies=ALLERGIES)
    await agree(yabu, here, "shelter", "allergies")
    told = await ask(yabu, await name(yabu, here, "shelter"), "allergies")
    assert told.json["items"] == {}


async def test_the_names_of_a_resident_in_both_towns_never_leave_the_modules(
    towns: tuple[Live, Live],
) -> None:
    yabu, asago = towns
    here, there = await linked(yabu, asago)
    agreed = yabu.town.store.read(lambda db: exchange.name_of(db, ASAGO.code, here))
    assert agreed == asago.town.store.read(lambda db: exchange.name_of(db, YABU.code, there))
    told = await ask(yabu, await name(yabu, here, "shelter"), "allergies")
    for secret in (agreed, here, there):
        assert secret is not None
        assert secret.encode() not in told.raw
        assert secret not in str(leaves(yabu)) + str(leaves(asago))


async def test_a_code_links_once_and_only_where_it_was_made_for(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    await yabu.register("hanako", **HANAKO)
    await asago.register("hanako", **HANAKO)
    code = await begun(yabu, asago, "hanako")
    assert (await finished(yabu, asago, "hanako", "A" * 22)).status == 404
    assert (await finished(yabu, asago, "hanako", code)).status == 204
    assert (await finished(yabu, asago, "hanako", code)).status == 404
    mine = await asago.get("/me/exchange/links", by=await asago.resident("hanako"))
    assert [one["peer"] for one in mine.json["links"]] == [YABU.code]


@pytest.mark.parametrize("who", ["protected", "never linked", "unlinked"])
async def test_a_protected_resident_here_looks_like_one_who_never_linked(
    towns: tuple[Live, Live], who: str
) -> None:
    yabu, asago = towns
    here, there = await linked(yabu, asago)
    await hold(asago, there, allergies=ALLERGIES)
    await agree(asago, there, "yabu-shelter", "allergies")
    other = await yabu.register("taro", nameKana="ヤブ タロウ", birthDate="1980-01-01")
    if who == "protected":
        await protect(yabu)
    elif who == "unlinked":
        by = await yabu.resident("hanako")
        assert (await yabu.ask("DELETE", f"/me/exchange/links/{ASAGO.code}", by=by)).status == 204
    asked = len([one for one in leaves(asago) if one["kind"] == "exchange-disclosure"])
    told = await ask(yabu, await name(yabu, other if who == "never linked" else here, "shelter"), "allergies")
    assert (told.status, told.json["items"], reasons(told)) == (200, {}, {"allergies": "not-linked"})
    assert len([one for one in leaves(asago) if one["kind"] == "exchange-disclosure"]) == asked


async def test_a_protected_resident_there_looks_like_one_nothing_is_held_about(
    towns: tuple[Live, Live],
) -> None:
    yabu, asago = towns
    here, there = await linked(yabu, asago)
    await agree(asago, there, "yabu-shelter", "allergies")
    subject = await name(yabu, here, "shelter")
    nothing = await ask(yabu, subject, "allergies", "care-needs")
    await hold(asago, there, allergies=ALLERGIES)
    await protect(asago)
    hidden = await ask(yabu, subject, "allergies", "care-needs")
    assert hidden.json["items"] == {}
    assert reasons(hidden) == reasons(nothing)
    assert len(hidden.raw) == len(nothing.raw)


async def test_a_peer_is_asked_by_services_only_and_asks_nobody_further(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    here, _ = await linked(yabu, asago)
    module, town = yabu.module, yabu.town
    peer = peering.known(town, ASAGO.code)
    body = {
        "subject": await name(yabu, here, "shelter"),
        "purpose": PURPOSE,
        "items": ["allergies"],
        "peer": YABU.code,
    }
    with pytest.raises(Exception, match="refuses") as refused:
        await peering.ask(module, town, peer, "/exchange/disclosures", body, clock.now())
    assert refused.value.more["peerStatus"] == 403  # type: ignore[attr-defined]  # a Problem


async def test_a_request_is_answered_once_and_only_if_it_is_signed_for_us(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    await linked(yabu, asago)
    peer = peering.known(yabu.town, ASAGO.code)
    reader = {"kty": "EC", "crv": "P-256", "x": "", "y": ""}
    public = yabu.town.signer.public()
    reader = {member: public[member] for member in reader}
    seconds = clock.now() // 1_000_000
    good = {
        "iss": YABU.code, "aud": ASAGO.code, "exp": seconds + 60, "jti": "j1", "service": "shelter", "subject": "x1.y",
        "purpose": PURPOSE, "items": ["allergies"], "event": "", "reader": reader,
    }  # fmt: skip

    async def status(kind: str = "engawa-exchange-request+jwt", **claims: Any) -> int:
        body = {"request": yabu.town.signer.sign({**good, **claims}, kind)}
        try:
            await peering.ask(yabu.module, yabu.town, peer, "/exchange/answers", body, clock.now())
        except Exception as problem:  # noqa: BLE001  # its status is what is compared
            return int(problem.more["peerStatus"])  # type: ignore[attr-defined]  # a Problem
        return 200

    assert (await status(), await status()) == (200, 401)
    assert await status(jti="j2", aud=YABU.code) == 400
    assert await status(jti="j3", iss="000000") == 400
    assert await status(jti="j4", exp=seconds - 100) == 400
    assert await status(jti="j5", exp=seconds + 10_000) == 400
    assert await status(jti="j6", items=[]) == 400
    assert await status(jti="j7", service="other") == 403
    assert await status(jti="j8", purpose="other") == 403
    assert await status(jti="j9", kind="JWT") == 400


async def test_a_suspended_peer_gets_no_token_and_is_not_asked(towns: tuple[Live, Live]) -> None:
    yabu, asago = towns
    here, _ = await linked(yabu, asago)
    subject = await name(yabu, here, "shelter")
    assert (await register(asago, yabu, {"shelter": "yabu-shelter"}, active=False)).status == 204
    refused = await ask(yabu, subject, "allergies")
    assert (refused.status, refused.json["peerStatus"]) == (502, 401)
    assert (await register(yabu, asago, {}, active=False)).status == 204
    assert (await ask(yabu, subject, "allergies")).status == 404
    kinds = [one["kind"] for one in leaves(yabu)]
    assert kinds.count("exchange-failed") == 1


@pytest.mark.parametrize("how", ["off-line", "nonsense", "another's answer", "too slow"])
async def test_what_fails_shows_nothing_and_is_on_record(tmp_path: Path, how: str) -> None:
    async def nonsense(request: web.Request) -> web.Response:
        if how == "too slow":
            await asyncio.sleep(60)
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t"})
        return web.json_response([1] if how == "nonsense" else {"answer": "a.b.c.d.e"})

    app = web.Application()
    app.router.add_post("/{tail:.*}", nonsense)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    if how == "off-line":
        await runner.cleanup()
    seconds = 0.5 if how == "too slow" else 30.0
    async with live_module(tmp_path / "data", exchange_seconds=seconds) as yabu:
        await service(yabu, "shelter", "allergies")
        person = await yabu.register("hanako")
        other = Live(f"http://127.0.0.1:{port}", yabu.session, yabu.module, yabu.town)
        peer = exchange.Peer(ASAGO.code, ASAGO.name, other.url, "", {"keys": []}, {})

        def work(db: Any) -> None:
            exchange.put(db, peer)
            exchange.link(db, ASAGO.code, "x1." + "y" * 22, person, clock.now())

        await yabu.town.store.write(work)
        told = await ask(yabu, await name(yabu, person, "shelter"), "allergies")
        kind = "GatewayTimeout" if how == "too slow" else "BadGateway"
        assert told.status == (504 if how == "too slow" else 502)
        assert [one["outcome"] for one in leaves(yabu) if one["kind"] == "exchange-failed"] == [kind]
    await runner.cleanup()
