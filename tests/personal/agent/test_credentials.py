"""Whose device and whose card counts inside: bound to an official, not revoked, not over. (issue 5, done when 3)"""

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from base import clock
from base.clock import SECOND
from base.errors import BadRequestData, Conflict
from personal.agent import revocations
from personal.agent import store as kept
from personal.audit.log import name_of
from personal.rules import decisions
from personal.rules.consent import Kind
from personal.rules.decisions import Choice
from personal.rules.identifiers import fresh
from tests.personal.agent.insiders import Town, town, until
from tests.personal.agent.thieves import alarms, claims, give, stored
from tests.personal.consents.cards import NOW, YEAR, Authority, Card, ec_key

HOUR = datetime.timedelta(hours=1)


def pem(one: x509.Certificate) -> str:
    return one.public_bytes(Encoding.PEM).decode()


def listed(
    authority: Authority, *revoked: Card, made: datetime.timedelta = -HOUR, at: datetime.timedelta = -HOUR
) -> bytes:
    """Write a list of what an authority revoked, an hour before now unless told otherwise."""
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.name)
    builder = builder.last_update(now + made).next_update(now + made + 24 * HOUR)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now + at).build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as made:
        await made.approve_service()
        yield made


async def pin(there: Town, authority: Authority, kind: str, **more: Any) -> None:
    """Have an authority trusted inside."""
    await there.want(
        "anchor", {"anchor": kind, "kind": kind, "certificate": pem(authority.certificate), **more}
    )


def on_paper(person: str, device: Card, scan: str = "scan-1") -> dict[str, Any]:
    """Write a decision on paper, as whoever has the device can make it."""
    choice = Choice(Kind.SHARE, "shelter", "reception", ("contact",), (), None)
    made = decisions.document(choice, "yabu", 1, name_of(person), "s_1", fresh(), clock.now())
    return {"decision": made, "evidence": device.statement(decisions.digest(made), scan)}


async def said(there: Town, person: str, real: dict[str, Any]) -> str:
    """Order a release; say what came of it."""
    answer = await give(there, claims(there, person, **real))
    return str(answer.get("why", answer["outcome"]))


async def test_a_device_counts_while_it_is_bound_to_an_official(there: Town) -> None:
    authority = Authority("devices")
    mine, other = (authority.issue(ec_key(), ends=NOW + 4 * YEAR) for _ in range(2))
    person, taro = await stored(there, "hanako"), await stored(there, "taro")
    await pin(there, authority, "device")
    assert await said(there, person, on_paper(person, mine)) == "device-not-of-an-official"
    await there.want("device", {"staff": "sato", "certificate": pem(mine.certificate)})
    early = on_paper(person, mine)
    assert await said(there, person, early) == "done"
    assert await said(there, person, on_paper(person, other)) == "device-not-of-an-official"
    assert await said(there, taro, early) == "credential-not-enrolled-for-these-records"
    assert await said(there, taro, on_paper(taro, mine)) == "done"
    await there.want("device-end", {"staff": "sato"})
    assert await said(there, person, early) == "done"  # it was seen while the official was one
    assert await said(there, person, on_paper(person, mine)) == "device-not-of-an-official"
    with pytest.raises(Conflict):
        await there.want("device", {"staff": "mori", "certificate": pem(mine.certificate)})
    lost = clock.now() // SECOND - 3_600
    await there.want("device-end", {"certificate": pem(mine.certificate), "since": lost})
    assert await said(there, person, early) == "device-not-of-an-official"
    assert alarms(there).count("device-not-of-an-official") == 4


async def test_one_official_vouches_for_so_many_forms_in_an_hour(there: Town) -> None:
    authority = Authority("devices")
    mine = authority.issue(ec_key(), ends=NOW + 4 * YEAR)
    await pin(there, authority, "device")
    await there.want("device", {"staff": "sato", "certificate": pem(mine.certificate)})
    await there.want("limit", {"limit": "staff:sato", "most": 1})
    person = await stored(there, "hanako")
    assert await said(there, person, on_paper(person, mine)) == "done"
    assert await said(there, person, on_paper(person, mine)) == "limit-reached"
    assert alarms(there) == ["limit-reached"]


async def test_a_card_of_which_nobody_can_tell_is_not_good(there: Town) -> None:
    person = await stored(there, "hanako")
    real = await there.agree("hanako")
    await pin(there, there.authority, "card", revocations="lists")
    assert await said(there, person, real) == "certificate-not-known-to-be-good"
    store, now = there.agent.inside.store, clock.now()
    stale = listed(there.authority, made=-datetime.timedelta(days=3))
    await store.write(lambda db: revocations.take_in(db, stale, now))
    assert await said(there, person, real) == "certificate-not-known-to-be-good"
    await store.write(lambda db: revocations.take_in(db, listed(there.authority), now))
    assert await said(there, person, real) == "done"
    with pytest.raises(Conflict):
        await store.write(lambda db: revocations.take_in(db, stale, now))
    for strange in (listed(Authority("JPKI")), b"no list", listed(there.authority, made=HOUR)):
        with pytest.raises(BadRequestData):
            await store.write(lambda db, body=strange: revocations.take_in(db, body, now))  # type: ignore[misc]  # bound
    assert alarms(there) == ["certificate-not-known-to-be-good"] * 2


async def test_a_card_that_was_revoked_or_is_over_agrees_to_nothing_new_whatever_day_it_names(
    there: Town,
) -> None:
    person = await stored(there, "hanako")
    card = there.cards["hanako"]
    await pin(there, there.authority, "card", revocations="lists")
    store, now = there.agent.inside.store, clock.now()
    await store.write(lambda db: revocations.take_in(db, listed(there.authority, made=-2 * HOUR), now))
    early = await there.agree("hanako")
    mark = "SELECT count(*) FROM seen"
    await until(lambda: store.read(lambda db: db.execute(mark).get))  # the inside was told at once
    await store.write(lambda db: revocations.take_in(db, listed(there.authority, card), now))
    before = decisions.document(
        Choice(Kind.SHARE, "shelter", "reception", ("contact",), (), None),
        "yabu", 1, name_of(person), "s_1", fresh(), now - 90 * 60 * SECOND,
    )  # fmt: skip
    dated_back = {"decision": before, "evidence": card.evidence(decisions.digest(before))}
    assert await said(there, person, dated_back) == "certificate-not-known-to-be-good"
    assert (
        await said(there, person, early) == "certificate-not-known-to-be-good"
    )  # it names a later moment, too
    later = listed(there.authority, card, at=HOUR, made=-HOUR / 2)
    await store.write(lambda db: revocations.take_in(db, later, now))
    assert await said(there, person, early) == "done"  # what was agreed to before stays agreed to


async def test_a_store_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    from base.database import connect
    from personal.agent.schema import STEPS
    from personal.agent.store import FILE, AgentStore

    old = connect(tmp_path / FILE)
    old.execute(STEPS[0])
    old.pragma("user_version", 1)
    old.execute('INSERT INTO outside VALUES (\'{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}\', 5)')
    old.execute('INSERT INTO anchor VALUES (\'jpki\', \'{"anchor": "jpki", "kind": "card"}\')')
    old.execute("INSERT INTO holder VALUES ('box', 'holder')")
    old.close()
    store = AgentStore(tmp_path)
    try:
        assert len(store.read(lambda db: kept.outside(db, clock.now()))) == 1
        assert store.read(kept.devices) == {} and store.read(kept.restored) == 0
        assert store.read(lambda db: kept.holders(db, "box")) == {"holder"}
    finally:
        await store.close()
