"""Each fault by its name has its answer: nothing is released by accident, and nothing is lost. (docs/personal-disclosure.md)"""

import asyncio
import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from base import clock
from base.database import Connection, connect
from base.settings import SettingError
from personal.locations.contract import Copy, LocationFull
from personal.locations.records import Change
from personal.operations.naming import deriving_of
from personal.store import people, pseudonyms, records
from personal.store.records import Choice
from personal.vault import keys, top
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    PHONE,
    PURPOSE,
    agree,
    ask,
    given,
    hold,
    leaves,
    name,
    reasons,
    service,
)
from tests.personal.live import ASAGO, YABU, Live, Reply, live_module
from tests.personal.locations.sites import Elsewhere


@dataclass
class Case:
    """A resident whose allergies and contact the shelter may see."""

    live: Live
    token: str
    person: str
    subject: str

    async def ask(self, *items: str) -> Reply:
        """Let the shelter ask."""
        return await ask(self.live, self.token, self.subject, *(items or ("allergies",)))


@pytest.fixture
async def case(live: Live) -> Case:
    token, person = await service(live, "shelter", "allergies", "contact"), await live.register("hanako")
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    await agree(live, person, "shelter", "allergies", "contact")
    return Case(live, token, person, await name(live, person, "shelter"))


# -- tokens


async def redeemed(live: Live, assertion: str, **more: str) -> int:
    """Ask for an access token; give the status, and see that a refusal tells nothing that was sent."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        **more,
    }
    headers = {"Engawa-Municipality": live.town.id}
    async with live.session.post(f"{live.url}/personal/v1/token", data=form, headers=headers) as reply:
        raw = await reply.read()
        assert reply.status == 200 or (b"access_token" not in raw and assertion[:20].encode() not in raw)
        return reply.status


def signed_by(key: Any, algorithm: str) -> Callable[[Live], str]:
    """Sign what the shelter would, with another key."""

    def assertion(live: Live) -> str:
        now = int(time.time())
        claims = {
            "iss": "shelter",
            "sub": "shelter",
            "aud": live.url,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode({"alg": algorithm, "kid": "shelter-1"}, claims, key, algorithms=[algorithm])

    return assertion


def unsigned(live: Live) -> str:
    """Leave the signature out, and say so."""
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{live.assertion('shelter').split('.')[1]}."


def by_public_key(live: Live) -> str:
    """Sign with the public key as if it were a shared secret."""
    public = orjson.dumps(live.keys["shelter"].as_dict(private=False))
    return signed_by(OctKey.import_key(public), "HS256")(live)


BAD: dict[str, Callable[[Live], str]] = {
    "no token": lambda _: "x",
    "garbled": lambda live: live.assertion("shelter")[:-8] + "AAAAAAAA",
    "no JSON": lambda _: "e30.eHh4.e30",
    "unsigned": unsigned,
    "by the public key": by_public_key,
    "by another key": signed_by(ECKey.generate_key("P-256"), "ES256"),
    "too long": lambda live: live.assertion("shelter", more="x" * 9_000),
    "wrong audience": lambda live: live.assertion("shelter", aud="https://other.example"),
    "no audience": lambda live: live.assertion("shelter", aud=[]),
    "over": lambda live: live.assertion("shelter", exp=int(time.time()) - 40),
    "good for too long": lambda live: live.assertion("shelter", exp=int(time.time()) + 4_000),
    "not good yet": lambda live: live.assertion("shelter", nbf=int(time.time()) + 100),
    "for somebody else": lambda live: live.assertion("shelter", sub="library"),
    "without a number": lambda live: live.assertion("shelter", jti=""),
    "with an odd number": lambda live: live.assertion("shelter", exp=float("1e300")),
}


async def test_no_malformed_or_misdirected_assertion_gets_a_token(case: Case) -> None:
    statuses = {what: await redeemed(case.live, made(case.live)) for what, made in BAD.items()}
    assert statuses == dict.fromkeys(BAD, 401)
    assert await redeemed(case.live, case.live.assertion("shelter"), client_id="library") == 400
    assert await redeemed(case.live, case.live.assertion("shelter")) == 200


async def test_an_assertion_is_good_once_however_often_it_comes_and_after_a_new_start(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", public_url="https://personal.example") as live:
        await live.service("shelter")
        again = live.assertion("shelter", aud="https://personal.example")
        statuses = await asyncio.gather(*(redeemed(live, again) for _ in range(6)))
        assert sorted(statuses) == [200, *[401] * 5]
    async with live_module(tmp_path / "data", public_url="https://personal.example") as live:
        assert await redeemed(live, again) == 401


async def test_no_other_credential_gets_an_answer_about_anybody(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", [YABU, ASAGO]) as live:
        token = await service(live, "shelter", "allergies")
        body = {"subject": "p1." + "A" * 43, "purpose": PURPOSE, "items": ["allergies"]}
        before = len(leaves(live))
        for sent in (
            "Bearer",
            "Bearer x",
            "Basic x:y",
            f"Bearer {token}x",
            f"Bearer {token} {token}",
            "\u00e9",
        ):
            reply = await live.post("/disclosures", body, headers={"Authorization": sent})
            assert reply.status == 401, sent
        assert (await live.post("/disclosures", body)).status == 403
        assert (await live.at("asago").post("/disclosures", body, by=token)).status == 401
        assert len(leaves(live)) == before


# -- while many are released


@dataclass
class Gate(Elsewhere):
    """A location that stops once, before it gives out a copy, and can be off-line from then on."""

    at: int = 60
    given: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, copy: Copy) -> bytes:
        self.given += 1
        if self.given == self.at:
            self.reached.set()
            await self.go.wait()
        return await super().get(copy)


async def crowd(live: Live, gate: Elsewhere, count: int = 120) -> tuple[list[str], list[str]]:
    """Let so many share allergies, which live behind a gate; give them and their names."""
    live.town.records.locations = {**live.town.records.locations, "cloud": gate}
    await live.town.store.write(lambda db: records.choose(db, Choice("allergies", "cloud")))
    persons, deriving = [f"r_{number}" for number in range(count)], await deriving_of(live.town)

    def enter(db: Connection) -> list[str]:
        for person in persons:
            people.add(db, person, clock.now())
            given(db, person, "shelter", ("allergies",), 1, None)
        return [pseudonyms.given(db, deriving, "shelter", person, clock.now()) for person in persons]

    names = await live.town.store.write(enter)
    changes = [Change(person, "allergies", ALLERGIES, 0) for person in persons]
    await live.town.records.keep(changes, lambda _: None, clock.now())
    return persons, names


async def many(live: Live, token: str, names: list[str]) -> list[Any]:
    """Ask for the allergies of many."""
    body = {"subjects": names, "purpose": PURPOSE, "items": ["allergies"]}
    reply = await live.post("/disclosures/bulk", body, by=token)
    assert reply.status == 200
    return [orjson.loads(line) for line in reply.raw.splitlines()]


async def test_a_consent_that_ends_while_many_are_released_is_over_for_the_rest(live: Live) -> None:
    token, gate = await service(live, "shelter", "allergies"), Gate()
    persons, names = await crowd(live, gate)
    until = clock.now() + clock.SECOND
    await agree(live, persons[-1], "shelter", "allergies", until=until)
    asking = asyncio.create_task(many(live, token, names))
    await asyncio.wait_for(gate.reached.wait(), 20)
    await asyncio.sleep(max(0, until - clock.now()) / clock.SECOND + 0.05)
    gate.go.set()
    *lines, last = await asking
    assert [bool(one["items"]) for one in lines] == [*[True] * 119, False]
    assert lines[-1]["withheld"][0]["reason"] == "consent-expired"
    assert "receipt" in last


async def test_a_location_that_goes_off_line_while_many_are_released_is_said_for_each(live: Live) -> None:
    token, gate = await service(live, "shelter", "allergies"), Gate()
    _, names = await crowd(live, gate)
    asking = asyncio.create_task(many(live, token, names))
    await asyncio.wait_for(gate.reached.wait(), 20)
    gate.gone = True
    gate.go.set()
    *lines, last = await asking
    shown = sum(bool(one["items"]) for one in lines)
    why = {one["withheld"][0]["reason"] for one in lines if not one["items"]}
    assert (why, "receipt" in last, 50 <= shown < 120) == ({"store-offline"}, True, True)
    assert sum(one["kind"] == "disclosure-failed" for one in leaves(live)) == len(lines) - shown


# -- stores and keys


class Full(Elsewhere):
    """Takes nothing more."""

    async def put(self, copy: Copy, sealed: bytes) -> None:
        raise LocationFull("The vault takes no more; tell its operator.")


async def test_a_location_that_is_full_is_told_and_what_was_there_stays(case: Case) -> None:
    live, by = case.live, await case.live.resident("hanako")
    live.town.records.locations = {**live.town.records.locations, "cloud": Full()}
    await live.town.store.write(lambda db: records.choose(db, Choice("contact", "cloud")))
    reply = await live.ask("PUT", "/me/items/contact", {"value": {"phones": []}, "expectedVersion": 1}, by=by)
    assert reply.status == 507
    assert (await case.ask("contact")).json["items"] == {"contact": PHONE}


async def test_an_item_whose_key_is_missing_is_withheld_and_said_so(case: Case) -> None:
    live = case.live
    record = live.town.store.read(lambda db: records.find(db, case.person, "allergies"))
    assert record is not None
    store = connect(live.module.settings.data / "yabu" / keys.FILE)
    store.execute("DELETE FROM personal WHERE id = ?", (record.key,))
    store.close()
    reply = await case.ask("allergies", "contact")
    assert (reply.status, reply.json["items"]) == (200, {"contact": PHONE})
    assert reasons(reply) == {"allergies": "not-readable"}
    told = leaves(live)[-1]
    assert (told["kind"], told["items"], told["outcome"]) == (
        "disclosure-failed",
        ["allergies"],
        ["not-readable"],
    )


async def test_without_its_top_key_a_module_does_not_start_and_makes_no_other(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data"):
        pass
    key = tmp_path / "data" / "yabu" / top.FILE
    away = key.rename(tmp_path / "away.key")
    with pytest.raises(SettingError, match="missing"):
        async with live_module(tmp_path / "data"):
            pass
    assert not key.exists()
    away.rename(key)
    async with live_module(tmp_path / "data") as live:
        assert (await live.get("/keys")).status == 200


async def test_from_a_database_that_cannot_be_written_nothing_goes_out(case: Case) -> None:
    live, by = case.live, await case.live.resident("hanako")
    _, before = (await case.ask()).json, len(leaves(live))
    await live.town.store.write(lambda db: db.pragma("query_only", True))
    bulk = {"subjects": [case.subject], "purpose": PURPOSE, "items": ["allergies"]}
    replies = [
        await case.ask(),
        await live.post("/disclosures/bulk", bulk, by=case.token),
        await live.get("/me/items/allergies", by=by),
        await live.post("/me/consents/withdraw", {"everything": True}, by=by),
        await live.ask("DELETE", "/me/items/allergies", by=by),
    ]
    assert [reply.status for reply in replies] == [503] * len(replies)
    assert not any(b"wheat" in reply.raw for reply in replies)
    live.town.store._write.pragma("query_only", False)
    assert (len(leaves(live)), (await case.ask()).json["items"]) == (before, {"allergies": ALLERGIES})
