"""Messages to residents outside the portal: proven addresses, nothing personal, nothing lost. (RFC 5321, 8058, 8417)"""

import asyncio
import ssl
import sys
import tempfile
from pathlib import Path

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from base import clock
from base.database import connect, migrate
from personal import doctor
from personal.operations import contact, resident_notices
from personal.operations.carriers import Letter, Mail, Outcome
from personal.rules.resident_notices import Channel
from personal.settings import PersonalSettings, check
from personal.store import contacts, people, schema
from personal.store.contacts import MOST_TRIES, Message
from personal.vault import signing
from tests.personal.disclosure.sharing import leaves
from tests.personal.live import Live, live_module
from tests.personal.relations.test_guardians import found, protect
from tests.personal.told.telling_stands import (
    SECRET,
    Mailbox,
    claims_of,
    code_of,
    kinds,
    mail_server,
    messaging_service,
    to_mail,
    until,
    until_nothing_waits,
    waiting,
    with_mail,
)

ADDRESS = "hanako@mail.example"
TERMS = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}


async def tell(live: Live, kind: str = "login-new") -> None:
    """Tell Hanako something, and have it sent at once."""
    person = await live.person("hanako")
    facts = {"service": "shelter"}
    await live.town.store.write(lambda db: resident_notices.tell(db, person, kind, facts, clock.now()))
    live.town.told.set()


async def test_an_address_is_used_once_its_code_came_back_and_never_before(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        hanako = await live.resident("hanako")
        body = {"channel": "email", "address": ADDRESS}
        assert (await live.ask("PUT", "/me/contact", body, by=hanako)).status == 202
        code = code_of(await box.letter(1))
        await tell(live)
        shown = (await live.get("/me/contact", by=hanako)).json
        assert shown["contacts"] == [] and shown["pending"][0]["address"] == ADDRESS
        wrong = {"channel": "email", "code": f"{(int(code) + 1) % 10**8:08}"}
        assert (await live.post("/me/contact/confirm", wrong, by=hanako)).status == 400
        spaced = {"channel": "email", "code": f"{code[:4]} {code[4:]}"}
        assert (await live.post("/me/contact/confirm", spaced, by=hanako)).status == 204
        assert (await live.post("/me/contact/confirm", spaced, by=hanako)).status == 409
        await tell(live)
        assert (await box.letter(2))["Subject"].startswith("お知らせがあります")
        assert box.to == [ADDRESS, ADDRESS]
        assert "contact-set" in await kinds(live, hanako)


async def test_a_letter_tells_that_there_is_news_and_nothing_else(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        hanako = await live.resident("hanako")
        assert (await with_mail(live, box, hanako)).status == 204
        await tell(live, "emergency-release")
        letter = await box.letter(2)
        text = letter.as_string() + letter.get_content()
        assert f"{live.url}/me" in letter.get_content()
        for word in ("shelter", "避難所", "ハナコ", "緊急", "emergency", await live.person("hanako")):
            assert word not in text
        assert letter["Auto-Submitted"] == "auto-generated" and letter["Message-ID"].endswith(
            "@yabu.example>"
        )
        assert f"List-Unsubscribe: <{live.url}/stop/yabu/".encode() in box.raw[1]
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_nothing_of_an_address_is_on_the_disk_or_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        await with_mail(live, box, await live.resident("hanako"))
        await tell(live)
        await box.letter(2)
        await until_nothing_waits(live)
        assert "mail.example" not in str(leaves(live))
        sent = [leaf for leaf in leaves(live) if leaf["kind"] == "message-sent"]
        assert [leaf["about"] for leaf in sent] == ["code", "news"]
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert b"mail.example" not in file.read_bytes(), file.name
    assert "mail.example" not in "".join(capfd.readouterr())


async def test_news_that_come_while_a_message_waits_are_one_message(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        await with_mail(live, box, await live.resident("hanako"))
        for _ in range(4):
            await tell(live, "consent-asked")  # does not hurry
        assert waiting(live) == [("email", "news", False)]
        box.hold.clear()
        await tell(live)  # hurries, and takes the others along
        await until(lambda: live.town.store.read(contacts.under_way))
        await tell(live)  # comes while the one before is under way: it needs another
        box.hold.set()
        await box.letter(3)
        await until_nothing_waits(live)
        assert len(box.letters) == 3  # the code, and two


async def test_a_click_in_the_mailbox_ends_the_letters_without_a_login(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        hanako = await live.resident("hanako")
        await with_mail(live, box, hanako)
        await tell(live)
        url = (await box.letter(2))["List-Unsubscribe"].strip("<>")
        async with live.session.get(url) as page:
            assert page.status == 200  # looking at it ends nothing: scanners follow links
        assert (await live.get("/me/contact", by=hanako)).json["contacts"] != []
        async with live.session.post(url, data={"List-Unsubscribe": "One-Click"}) as page:
            assert page.status == 200
        assert (await live.get("/me/contact", by=hanako)).json["contacts"] == []
        async with live.session.post(url, data={"List-Unsubscribe": "One-Click"}) as again:
            assert again.status == 200  # tells nobody whether there was one


async def test_a_refused_address_is_given_up_and_the_resident_sees_it(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        hanako = await live.resident("hanako")
        await with_mail(live, box, hanako)
        box.refuse[ADDRESS] = "550 5.1.1 no such user"
        await tell(live)
        await until_nothing_waits(live)
        (one,) = (await live.get("/me/contact", by=hanako)).json["contacts"]
        assert one["failing"] is True
        assert waiting(live) == [("email", "news", True)]
        await tell(live)
        assert waiting(live) == [("email", "news", True)]  # nothing more goes there


async def test_what_a_server_cannot_take_now_goes_later(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        await with_mail(live, box, await live.resident("hanako"))
        box.refuse[ADDRESS] = "451 4.7.1 greylisted"
        await tell(live)
        tries = "SELECT count(*) FROM message WHERE tries = 1 AND dead IS NULL AND begun IS NULL"
        await until(lambda: live.town.store.read(lambda db: db.execute(tries).get) > 0)
        box.refuse.clear()
        await live.town.store.write(lambda db: db.execute("UPDATE message SET due = 0"))
        live.town.told.set()
        await box.letter(2)
        await until_nothing_waits(live)


async def test_each_topic_goes_where_the_resident_chose(tmp_path: Path) -> None:
    async with (
        mail_server() as box,
        messaging_service() as city,
        live_module(tmp_path / "data", **to_mail(box), push_url=city.url) as live,
    ):
        await live.register("hanako")
        hanako = await live.resident("hanako")
        await with_mail(live, box, hanako)
        body = {"channel": "push", "address": "app-1234567890"}
        assert (await live.ask("PUT", "/me/contact", body, by=hanako)).status == 202
        first = claims_of(await city.token(1))
        code = first["events"]["urn:engawa:event:contact-code"]["code"]
        proof = {"channel": "push", "code": code}
        assert (await live.post("/me/contact/confirm", proof, by=hanako)).status == 204
        await until_nothing_waits(live)
        await live.town.store.write(lambda db: db.execute("DELETE FROM message"))
        letters, tokens = len(box.letters), len(city.tokens)
        choice = {"topic": "login", "channels": ["push"]}
        assert (await live.ask("PUT", "/me/contact/choices", choice, by=hanako)).status == 204
        await tell(live)
        signed = await city.token(tokens + 1)
        told = signing.opened(signed, live.town.signer.public(), "secevent+jwt")
        assert told["sub_id"]["id"] == "app-1234567890" and told["aud"] == city.url
        assert told["events"] == {"urn:engawa:event:resident-news": {}}
        await until_nothing_waits(live)
        assert len(box.letters) == letters


async def test_an_encrypted_connection_with_a_login_is_used_and_verified(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    stranger.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "wrong").write_text("battery staple")
    letter = Letter("m_1", ADDRESS, clock.now())

    async with mail_server(tls=tls, login=True) as box:

        async def sent(**more: object) -> list[Outcome]:
            fields = {
                "smtp_host": "localhost",
                "smtp_port": box.port,
                "smtp_from": "portal@yabu.example",
                "smtp_user": "portal",
                "smtp_authorities": tmp_path / "ca.pem",
                "smtp_password_file": tmp_path / "password",
                **more,
            }
            wanted = PersonalSettings(**fields)  # type: ignore[arg-type]  # each as its field wants it
            check(wanted)
            finding = await doctor.mail(wanted)
            outcomes = [
                outcome async for _, outcome in Mail(wanted, "養父市", "https://p", "yabu").carry([letter])
            ]
            assert finding.good is (outcomes == [Outcome.TAKEN]), finding
            return outcomes

        assert await sent() == [Outcome.TAKEN]
        assert (box.encrypted, set(box.users)) == ([True], {"portal"})
        assert await sent(smtp_authorities=tmp_path / "other.pem") == [Outcome.LATER]
        assert await sent(smtp_password_file=tmp_path / "wrong") == [Outcome.LATER]
        assert await sent(smtp_port=1) == [Outcome.LATER]
        assert len(box.letters) == 1


async def test_nobody_floods_a_mailbox_or_guesses_a_code(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        hanako = await live.resident("hanako")
        body = {"channel": "email", "address": "victim@mail.example"}
        for _ in range(contact.MOST_CODES):
            assert (await live.ask("PUT", "/me/contact", body, by=hanako)).status == 202
        assert (await live.ask("PUT", "/me/contact", body, by=hanako)).status == 429
        await until_nothing_waits(live)
        code = code_of(box.letters[-1])
        wrong = {"channel": "email", "code": f"{(int(code) + 1) % 10**8:08}"}
        for _ in range(contact.MOST_TRIES):
            assert (await live.post("/me/contact/confirm", wrong, by=hanako)).status == 400
        right = {"channel": "email", "code": code}
        assert (await live.post("/me/contact/confirm", right, by=hanako)).status == 409


@pytest.mark.parametrize(
    "address", ["hanako", "a@b", "a b@c.example", "a@c.example,d@e.example", "<a@c.example>"]
)
async def test_what_is_no_address_is_refused(live: Live, address: str) -> None:
    await live.register("hanako")
    body = {"channel": "email", "address": address}
    reply = await live.ask("PUT", "/me/contact", body, by=await live.resident("hanako"))
    assert reply.status in (400, 422)


async def test_protection_ends_messages_until_an_address_is_given_anew(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        await with_mail(live, box, await live.resident("hanako"))
        await tell(live, "consent-asked")
        assert waiting(live) == [("email", "news", False)]
        await protect(live, TERMS)
        assert waiting(live) == []
        live.tokens.pop(("yabu", "resident/hanako/3"))
        hanako = await live.resident("hanako")
        assert (await live.get("/me/contact", by=hanako)).json["contacts"] == []
        assert (await with_mail(live, box, hanako)).status == 204


async def test_an_address_follows_a_resident_whose_entries_become_one(tmp_path: Path) -> None:
    async with mail_server() as box, live_module(tmp_path / "data", **to_mail(box)) as live:
        await live.register("hanako")
        await live.register("hanako2", nameKana="ヤブ ハナ", birthDate="1990-04-02")
        await with_mail(live, box, await live.resident("hanako2"))
        by = await live.staff("counter")
        one, other = await found(live, TERMS), await found(live, {"nameKana": "ヤブ ハナ"})
        merged = await live.post("/residents/merge", {"resident": one, "double": other}, by=by)
        assert merged.status == 200, merged.raw
        live.tokens.pop(("yabu", "resident/hanako/3"), None)
        shown = (await live.get("/me/contact", by=await live.resident("hanako"))).json
        assert [one["address"] for one in shown["contacts"]] == [ADDRESS]


CHILD = """
import asyncio, sys
from pathlib import Path
from personal.server import module_of
from personal.settings import PersonalSettings

async def main():
    settings = PersonalSettings(
        data=Path(sys.argv[1]), smtp_host="127.0.0.1", smtp_port=int(sys.argv[2]), smtp_tls="none",
        smtp_from="portal@yabu.example",
    )
    async with module_of(settings, lambda: "http://localhost"):
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_module_killed_while_it_sends_loses_no_letter_and_doubles_one_at_most(tmp_path: Path) -> None:
    people = 6
    async with mail_server() as box:
        async with live_module(tmp_path / "data", **to_mail(box)) as live:
            for n in range(people):
                login = f"p{n}"
                await live.register(login, nameKana=f"ヤブ {'アイウエオカ'[n]}")
                await with_mail(live, box, await live.resident(login), f"{login}@mail.example")
            await until_nothing_waits(live)
        box.letters.clear()
        box.to.clear()
        async with live_module(tmp_path / "data") as live:  # without a mail server: all wait
            for n in range(people):
                person = await live.person(f"p{n}")
                await live.town.store.write(
                    lambda db, p=person: resident_notices.tell(db, p, "login-new", {}, clock.now())  # type: ignore[misc]  # bound now
                )
        first = await _child(tmp_path, box)
        await box.letter(2)
        box.hold.clear()  # the third one is under way, or about to be
        first.kill()
        await first.wait()
        box.hold.set()
        second = await _child(tmp_path, box)
        wanted = {f"p{n}@mail.example" for n in range(people)}
        await until(lambda: set(box.to) == wanted)
        second.kill()
        await second.wait()
    assert len(box.to) <= people + 1
    ids = {str(letter["To"]): set() for letter in box.letters}
    for letter in box.letters:
        ids[str(letter["To"])].add(str(letter["Message-ID"]))
    assert all(len(known) == 1 for known in ids.values())  # what is doubled can be told by its id


async def _child(folder: Path, box: Mailbox) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(folder / "data"), str(box.port), stdout=asyncio.subprocess.DEVNULL
    )


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["news", "take", "taken", "later", "refused", "crash"]), max_size=30))
def test_whatever_happens_news_are_sent_or_wait_or_were_given_up(
    steps: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = connect(Path(folder) / "personal.db")
        migrate(db, schema.STEPS)
        people.add(db, "r_1", 1)
        begun: list[Message] = []
        untold, now = False, 10
        for step in steps:
            now += 10**9 * 10_000
            if step == "news":
                contacts.send(db, "r_1", Channel.EMAIL, contacts.NEWS, now)
                untold = True
            elif step == "take" and not begun:
                begun = contacts.take(db, Channel.EMAIL, now, 10)
                untold = untold and not begun
            elif step == "crash" and begun:
                contacts.wake(db)
                begun, untold = [], True
            elif begun:
                (message,) = begun
                begun = []
                if step == "taken":
                    contacts.done(db, message)
                else:
                    contacts.put_off(db, message, now, hopeless=step == "refused")
                    untold = untold or step == "later"
                    gone = step == "refused" or message.tries + 1 >= MOST_TRIES
                    untold = untold and not gone
            open_ones = db.execute("SELECT count(*) FROM message WHERE dead IS NULL").get
            assert open_ones <= 1
            assert open_ones == 1 or not untold, step
        db.close()
