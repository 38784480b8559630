"""Where the log cannot be written nothing is read, changed or released: disk full, disk read-only. (issue 5)"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import apsw

from base import clock
from base.database import transaction
from personal.app import operations
from personal.audit import log
from personal.audit.log import Entry
from personal.settings import PersonalSettings
from tests.personal.api.actors import NOBODY, holders
from tests.personal.audit.doings import Done, busy, handle
from tests.personal.consents.deciding import decide
from tests.personal.disclosure.sharing import PURPOSE, ask
from tests.personal.live import STAFF, Live, Reply

SECRETS = (b"wheat", b"079-662-0000")
NOT_WRITTEN = "urn:engawa:errors:ServiceUnavailable"
HANAKO = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
LOOK = {
    "basis": "個人情報保護法 69条2項4号",
    "items": ["allergies"],
    "reason": "意識がなく、アレルギーを確かめる必要がある。",
    "minutes": 10,
}
WITHOUT_ENTRY = {
    "/audit/entries",
    "/audit/head",
    "/audit/search",
    "/catalogue/services",
    "/city-cards/keys",
    "/deadlines",
    "/desks",
    "/emergencies",
    "/emergencies/all",
    "/exchange/peers",
    "/exchange/peers/all",
    "/factors",
    "/items",
    "/keys",
    "/office",
    "/locations",
    "/me/accesses",
    "/me/notices",
    "/notices/overdue",
    "/proposals",
    "/reports/personal-files",
    "/services",
    "/session",
    "/staff",
    "/usage/v2/findUsage",
    "/usage/v2/heartbeat",
    "/usage/v2/usagePeriod",
}
"""The catalogue, the log, staff, reports: nothing about a resident, but for what the log tells themselves."""
Send = Callable[[], Awaitable[Reply]]


@contextlib.asynccontextmanager
async def read_only(live: Live) -> AsyncIterator[None]:
    """Let the disk be read-only while the block runs."""
    connection = await writing(live)
    connection.pragma("query_only", True)
    try:
        yield
    finally:
        connection.pragma("query_only", False)


@contextlib.asynccontextmanager
async def full(live: Live) -> AsyncIterator[None]:
    """Let the disk be full to the last entry while the block runs."""
    connection = await writing(live)
    connection.pragma("max_page_count", 1)  # no less than there are
    try:
        with contextlib.suppress(apsw.FullError):
            while True:
                log_entry(connection)
        yield
    finally:
        connection.pragma("max_page_count", 1 << 30)


def log_entry(connection: apsw.Connection) -> None:
    """Write an entry that is shorter than any that tells of a person."""
    with transaction(connection):
        log.append(connection, Entry("x"), clock.now())


async def writing(live: Live) -> apsw.Connection:
    """Give the connection on which the module writes."""
    found: list[apsw.Connection] = []
    await live.town.store.write(found.append)
    return found[0]


async def releasing(live: Live, done: Done) -> dict[str, Send]:
    """Give a good request for each way in which something about a resident goes out, and two that change something."""
    counter, emergency, privacy = [await live.staff(who) for who in ("counter", "emergency", "privacy")]
    at_counter = {"resident": await handle(live, "counter", done.person)}
    made = await decide(live, done.hanako, agree=["contact"], service="shelter", purpose=PURPOSE)
    assert made.status == 201, made.raw
    code = await live.post("/me/sharing-codes", {"items": ["allergies"], "minutes": 5}, by=done.hanako)
    glass = await live.post(
        "/break-glass", {**LOOK, "resident": await handle(live, "emergency", done.person)}, by=emergency
    )
    assert glass.status == 201, glass.raw
    right = {"right": "disclosure", "text": "すべて見たい。", "items": ["allergies"]}
    await live.town.store.write(lambda db: db.execute("UPDATE notice SET due = 0"))
    request = await live.post("/me/rights", right, by=done.hanako)
    entity = {"id": f"urn:ngsi-ld:Person:{done.subject}", "type": "Person"}
    query = {"type": "Query", "entities": [entity], "pick": ["allergies"], "purpose": PURPOSE}
    several = {"subjects": [done.subject], "purpose": PURPOSE, "items": ["allergies"]}
    one = {"subject": done.subject, "purpose": PURPOSE}
    span = {"service": "shelter", "from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
    item = {**at_counter, "item": "allergies"}
    return {
        "disclosure": lambda: ask(live, done.shelter, done.subject, "allergies"),
        "bulk": lambda: live.post("/disclosures/bulk", several, by=done.shelter),
        "linked data": lambda: live.post("/ngsi-ld/v1/entityOperations/query", query, by=done.shelter),
        "sharing code": lambda: live.post(
            "/sharing-codes/redeem", {"code": code.json["code"], "purpose": PURPOSE}, by=done.shelter
        ),
        "agreed": lambda: live.post("/consents/agreed", one, by=done.shelter),
        "notices": lambda: live.get("/notices", by=done.shelter),
        "own item": lambda: live.get("/me/items/allergies", by=done.hanako),
        "own items": lambda: live.get("/me/items", by=done.hanako),
        "own consents": lambda: live.get("/me/consents", by=done.hanako),
        "own receipt": lambda: live.get(f"/me/receipts/{made.json['receipt']}", by=done.hanako),
        "own names": lambda: live.get("/me/pseudonyms", by=done.hanako),
        "own writing": lambda: live.ask(
            "PUT", "/me/items/contact", {"value": {"phones": []}, "expectedVersion": 1}, by=done.hanako
        ),
        "export": lambda: live.get("/me/export", by=done.hanako),
        "staff: item": lambda: live.post("/records/read", item, by=counter),
        "staff: items": lambda: live.post("/records/find", at_counter, by=counter),
        "staff: search": lambda: live.post("/residents/search", HANAKO, by=counter),
        "staff: resident": lambda: live.post("/residents/read", at_counter, by=counter),
        "staff: consents": lambda: live.post("/consents/find", at_counter, by=counter),
        "staff: guardians": lambda: live.post("/delegations/find", at_counter, by=counter),
        "staff: name": lambda: live.post("/pseudonyms", {**at_counter, "service": "shelter"}, by=counter),
        "staff: emergencies": lambda: live.post("/emergencies/find", at_counter, by=counter),
        "staff: alone": lambda: live.post(
            f"/break-glass/{glass.json['id']}/read", {"item": "allergies"}, by=emergency
        ),
        "staff: request": lambda: live.get(f"/rights/{request.json['id']}", by=privacy),
        "staff: incident": lambda: live.post("/reports/affected", span, by=privacy),
        "withdrawal": lambda: live.post("/me/consents/withdraw", {"everything": True}, by=done.hanako),
    }


async def test_while_the_disk_is_read_only_nothing_about_anybody_goes_out(live: Live) -> None:
    done = await busy(live)
    requests = await releasing(live, done)
    before = live.town.store.read(log.size)
    async with read_only(live):
        for what, send in requests.items():
            check_refused(what, await send(), "cannot be written")
    assert live.town.store.read(log.size) == before
    for what, send in requests.items():
        reply = await send()
        assert reply.status == 200, (what, reply.raw)


async def test_while_the_disk_is_full_nothing_about_anybody_goes_out(live: Live) -> None:
    done = await busy(live)
    requests = await releasing(live, done)
    async with full(live):
        before = live.town.store.read(log.size)
        for what, send in requests.items():
            check_refused(what, await send(), "disk is full")
        assert live.town.store.read(log.size) == before
    for what, send in requests.items():
        reply = await send()
        assert reply.status == 200, (what, reply.raw)


def check_refused(what: str, reply: Reply, why: str) -> None:
    """Look whether an answer says why it is none, and nothing else."""
    assert reply.status == 503, (what, reply.raw)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert (reply.json["type"], why in reply.json["detail"]) == (NOT_WRITTEN, True), (what, reply.raw)
    assert not any(secret in reply.raw for secret in SECRETS), what


async def test_what_is_told_without_an_entry_in_the_log_is_about_nobody_or_no_data(live: Live) -> None:
    """Each operation without parts in its path, asked by everybody who may ask it."""
    done = await busy(live)
    tokens: dict[str, str | None] = {"resident": done.hanako, "service": done.shelter, NOBODY: None}
    tokens |= {login: await live.staff(login) for login in STAFF}
    rows = [row for row in operations(PersonalSettings()) if row.method == "GET" and "{" not in row.path]
    answered = set()
    async with read_only(live):
        for row in rows:
            for who in tokens.keys() & set(holders(row)):
                if (await live.get(row.path, by=tokens[who])).status == 200:
                    answered.add(row.path)
                    break
    assert answered <= WITHOUT_ENTRY
