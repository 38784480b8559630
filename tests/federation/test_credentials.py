"""Secrets and client certificates: named by registrations, kept in the settings, shown to nobody. (4.3.6.5, 5.2.22)"""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from base.credentials import Credentials
from base.settings import SettingError
from tests.federation.fakes import ENTITY, ask, code, fake
from tests.live import Live, live_broker

ID = "urn:ngsi-ld:ContextSourceRegistration:1"
HIDDEN = "urn:engawa:hidden"
SECRET = "urn:engawa:secret:toyooka"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "credentials.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def secrets(endpoint: str, value: str = "Bearer very-secret") -> str:
    return f'[secrets.toyooka]\nvalue = "{value}"\nendpoints = ["{endpoint}"]\n'


def body(endpoint: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    return {
        "id": ID,
        "type": "ContextSourceRegistration",
        "endpoint": endpoint,
        "information": [{"entities": [{"type": "Shelter"}]}],
        "contextSourceInfo": [{"key": key, "value": value} for key, value in pairs],
    }


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path) as running:
        yield running


async def info(live: Live) -> dict[str, str]:
    shown = (await live.get(f"/csourceRegistrations/{ID}")).json
    listed = (await live.get("/csourceRegistrations", type="Shelter")).json[0]
    assert shown == listed
    return {pair["key"]: pair["value"] for pair in shown["contextSourceInfo"]}


async def test_a_secret_is_sent_by_its_name_and_never_shown(tmp_path: Path) -> None:
    async with fake() as source:
        file = written(tmp_path, secrets(source.url))
        async with live_broker(tmp_path / "data", federation_credentials=file) as live:
            await live.post("/csourceRegistrations", body(source.url, ("Authorization", SECRET)))
            assert (await info(live))["Authorization"] == SECRET
            reply = await live.get("/entities", type="Shelter")
            assert reply.json == [ENTITY] and source.last.headers["Authorization"] == "Bearer very-secret"
            written(tmp_path, secrets(source.url, "Bearer renewed"))
            await live.get("/entities", type="Shelter")
            assert source.last.headers["Authorization"] == "Bearer renewed"
            written(tmp_path, "no TOML")
            await live.get("/entities", type="Shelter")
            assert source.last.headers["Authorization"] == "Bearer renewed"


async def test_a_secret_goes_to_no_endpoint_but_its_own(tmp_path: Path) -> None:
    async with fake() as source, fake() as thief:
        file = written(tmp_path, secrets(source.url))
        async with live_broker(tmp_path / "data", federation_credentials=file) as live:
            for url, name in ((thief.url, SECRET), (source.url, "urn:engawa:secret:other")):
                pairs = [{"key": "Authorization", "value": name}]
                outcome = await ask(live, url, contextSourceInfo=pairs)
                assert code(outcome) == 199 and outcome.failure is not None
                assert "very-secret" not in outcome.failure.problem.detail
            assert not thief.seen and not source.seen


@pytest.mark.parametrize("said", ["you said Bearer very-secret", "very-secret is no token of ours"])
async def test_a_source_cannot_make_us_repeat_a_secret(tmp_path: Path, said: str) -> None:
    async with fake({"detail": said}, status=403) as source:
        file = written(tmp_path, secrets(source.url))
        async with live_broker(tmp_path / "data", federation_credentials=file) as live:
            outcome = await ask(
                live, source.url, contextSourceInfo=[{"key": "Authorization", "value": SECRET}]
            )
            assert outcome.status == 403 and "very-secret" not in str(outcome)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (secrets("https://a.example"), 0o644),
        (secrets("https://a.example"), 0o640),
        ("secrets = 5", 0o600),
        ("[others.x]\na = 1", 0o600),
        ("[secrets.x]\nvalue = 'very-secret'", 0o600),
        ("[secrets.x]\nvalue = 'very-secret'\nendpoints = []", 0o600),
        ("[secrets.x]\nvalue = 'very-secret'\nendpoints = ['a.example']", 0o600),
        ("[secrets.x]\nvalue = \"very-secret\\n\"\nendpoints = ['https://a.example']", 0o600),
        ("[secrets.x]\nvalue = very-secret", 0o600),
        ("[certificates.x]\nendpoints = ['https://a.example']", 0o600),
        ("[certificates.x]\ncertificate = 'a'\nkey = 'b'\nendpoints = ['https://a.example']", 0o600),
    ],
)
def test_refuses_to_start_with_credentials_that_are_wrong_or_open_to_others(
    tmp_path: Path, text: str, mode: int
) -> None:
    with pytest.raises(SettingError) as refused:
        Credentials(written(tmp_path, text, mode), None)
    assert "federation_credentials" in str(refused.value) and "very-secret" not in str(refused.value)


async def test_a_registration_chooses_the_certificate_its_source_wants(tmp_path: Path) -> None:
    authority, others = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    server.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server)
    for name, maker in (("ours", authority), ("others", others)):
        made = maker.issue_cert(f"{name}@yabu.example")
        made.private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
        (tmp_path / f"{name}.pem").chmod(0o600)
    async with fake(tls=server) as source, fake(tls=server) as elsewhere:
        text = "".join(
            f'[certificates.{name}]\ncertificate = "{name}.pem"\nkey = "{name}.pem"\nendpoints = ["{source.url}"]\n'
            for name in ("ours", "others")
        )
        settings: dict[str, Any] = {
            "federation_credentials": written(tmp_path, text),
            "federation_authorities": tmp_path / "authority.pem",
        }
        async with live_broker(tmp_path / "data", **settings) as live:

            async def asked(name: str | None, url: str = source.url) -> int:
                pairs = [] if name is None else [{"key": "urn:engawa:certificate", "value": name}]
                return code(await ask(live, url, contextSourceInfo=pairs))

            assert await asked("ours") == 0
            assert [await asked(name) for name in ("others", "none", None)] == [199, 199, 199]
            assert await asked("ours", elsewhere.url) == 199
            assert await asked("ours", source.url.replace("https", "http")) == 199
            assert len(source.seen) == 1 and not elsewhere.seen
            assert "urn" not in str(source.last.headers)
        async with live_broker(tmp_path / "other") as live:
            assert code(await ask(live, source.url)) == 199


async def test_credentials_given_in_a_registration_are_not_shown_and_can_be_kept(live: Live) -> None:
    async with fake() as source:
        given = (("Authorization", "Bearer abc"), ("X-Api-Key", "k"), ("X-Town", "Yabu"))
        await live.post("/csourceRegistrations", body(source.url, *given))
        assert await info(live) == {"Authorization": HIDDEN, "X-Api-Key": HIDDEN, "X-Town": "Yabu"}
        path = f"/csourceRegistrations/{ID}"
        shown = (await live.get(path)).json["contextSourceInfo"]
        change = {"contextSourceInfo": [*shown[:2], {"key": "X-Town", "value": "Asago"}]}
        assert (await live.ask("PATCH", path, change)).status == 204
        await live.get("/entities", type="Shelter")
        headers = source.last.headers
        assert (headers["Authorization"], headers["X-Api-Key"], headers["X-Town"]) == (
            "Bearer abc",
            "k",
            "Asago",
        )
        for wrong in ({"key": "Cookie", "value": HIDDEN}, {"key": "X-Town", "value": HIDDEN + "x"}):
            reply = await live.ask("PATCH", path, {"contextSourceInfo": [wrong]})
            assert reply.status == (400 if wrong["value"] == HIDDEN else 204)


async def test_credentials_given_for_one_endpoint_do_not_go_to_another(live: Live) -> None:
    async with fake() as source, fake() as thief:
        path = f"/csourceRegistrations/{ID}"
        await live.post("/csourceRegistrations", body(source.url, ("Authorization", "Bearer abc")))
        moved: list[dict[str, Any]] = [
            {"endpoint": thief.url},
            {"endpoint": thief.url, "contextSourceInfo": [{"key": "authorization", "value": HIDDEN}]},
        ]
        for change in moved:
            assert (await live.ask("PATCH", path, change)).status == 400
        assert (await live.ask("PATCH", path, {"endpoint": source.url + "/town"})).status == 204
        change = {"endpoint": thief.url, "contextSourceInfo": [{"key": "Authorization", "value": "Bearer b"}]}
        assert (await live.ask("PATCH", path, change)).status == 204
        await live.get("/entities", type="Shelter")
        assert thief.last.headers["Authorization"] == "Bearer b" and not source.seen


async def test_no_filter_finds_out_what_is_hidden(live: Live) -> None:
    await live.post("/csourceRegistrations", body("http://a.example", ("Authorization", "Bearer abc")))

    async def found(csf: str) -> int:
        return len((await live.get("/csourceRegistrations", type="Shelter", csf=csf)).json)

    for csf in (
        'contextSourceInfo~="abc"',
        'contextSourceInfo[value]~="abc"',
        'contextSourceInfo=="Bearer abc"',
    ):
        assert await found(csf) == 0
    assert await found("contextSourceInfo") == 1


async def test_a_notification_carries_a_secret_by_its_name(tmp_path: Path) -> None:
    async with fake({}) as receiver, fake({}) as thief:
        file = written(tmp_path, secrets(receiver.url))
        async with live_broker(tmp_path / "data", federation_credentials=file, notify_attempts=1) as live:
            for url in (thief.url, receiver.url):
                endpoint = {"uri": url, "receiverInfo": [{"key": "Authorization", "value": SECRET}]}
                subscription = {
                    "type": "Subscription",
                    "entities": [{"type": "Shelter"}],
                    "notification": {"endpoint": endpoint},
                }
                assert (await live.post("/subscriptions", subscription)).status == 201
            assert (await live.post("/entities", ENTITY)).status == 201
            await receiver.asked.wait()
            assert receiver.last.headers["Authorization"] == "Bearer very-secret"
            shown = (await live.get("/subscriptions")).json
            assert "very-secret" not in str(shown) and SECRET in str(shown)
        assert not thief.seen
