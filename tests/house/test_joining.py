"""`engawa federation join` and what `status` finds: brokers of others, tenants, credentials, another one at the address. (5.2.9)"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from engawa.command import cli
from tests.access.secure import secure_broker
from tests.live import Live, live_broker
from tests.ports import free_port

ROOT = "/csourceRegistrations"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Live, Live]]:
    async with (
        live_broker(tmp_path / "yabu", alias="yabu") as yabu,
        live_broker(tmp_path / "toyooka", alias="toyooka") as toyooka,
    ):
        yield yabu, toyooka


async def federation(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli, ["federation", *words], prog_name="engawa")


async def registered(live: Live) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await live.get(ROOT, type="*")).json
    return found


@asynccontextmanager
async def somebody(handler: Any) -> AsyncIterator[str]:
    """Run a server that is no broker of ours."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_registers_a_neighbour_that_asks_nobody_in_turn(two: tuple[Live, Live]) -> None:
    yabu, toyooka = two
    result = await federation("join", toyooka.url + "/ngsi-ld/v1/", "--broker", yabu.url, "--name", "豊岡市")
    assert result.exit_code == 0, result.output
    assert "豊岡市: joined" in result.output and "federation status" in result.output
    [body] = await registered(yabu)
    assert body["endpoint"] == toyooka.url and body["contextSourceAlias"] == "toyooka"
    assert body["mode"] == "inclusive"
    assert body["management"] == {"localOnly": True, "timeout": 5000, "cooldown": 5000}
    again = await federation("join", toyooka.url, "--broker", yabu.url)
    assert "toyooka: unchanged" in again.output  # and its name stays
    assert await registered(yabu) == [body]


async def test_registers_what_it_is_told_to(two: tuple[Live, Live]) -> None:
    yabu, toyooka = two
    words = ["--type", "https://example.org/Bus", "--type", "EvacuationSite", "--timeout", "300", "--cascade"]
    words += ["--tenant", "ours", "--their-tenant", "theirs", "--context", "https://example.org/c.jsonld"]
    result = await federation("join", toyooka.url, "--broker", yabu.url, *words)
    assert result.exit_code == 0, result.output
    reply = await yabu.get(ROOT, type="*", headers={"NGSILD-Tenant": "ours"})
    [body] = reply.json
    kinds = [entity["type"] for entity in body["information"][0]["entities"]]
    assert kinds == ["https://example.org/Bus", "https://datamodels.jp/ns/disaster/EvacuationSite"]
    assert body["tenant"] == "theirs" and body["contextSourceAlias"].startswith("toyooka.")
    assert body["management"] == {"localOnly": False, "timeout": 300, "cooldown": 5000}
    assert body["contextSourceInfo"] == [{"key": "jsonldContext", "value": "https://example.org/c.jsonld"}]
    assert await registered(yabu) == []


async def test_sends_a_neighbour_the_secret_that_its_registration_names(tmp_path: Path) -> None:
    seen = []

    async def guarded(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        if seen[-1] != "Bearer s3cret":
            return web.json_response({"title": "Who are you?"}, status=401)
        return web.json_response({"contextSourceAlias": "guarded"})

    async with somebody(guarded) as neighbour, live_broker(tmp_path / "data") as live:
        file = tmp_path / "credentials.toml"
        file.write_text(f'[secrets.pass]\nvalue = "Bearer s3cret"\nendpoints = ["{neighbour}"]\n')
        file.chmod(0o600)
        words = ["--broker", live.url, "--federation-credentials", str(file)]
        refused = await federation("join", neighbour, *words)
        assert refused.exit_code == 1 and "401: Who are you?" in refused.output
        joined = await federation("join", neighbour, *words, "--secret", "pass")
        assert joined.exit_code == 0, joined.output
        assert (await federation("status", *words)).exit_code == 0
        assert seen[-1] == "Bearer s3cret" and "s3cret" not in str(await registered(live)) + joined.output
        unknown = await federation("status", "--broker", live.url)
        assert unknown.exit_code == 1 and "secret" in unknown.output


async def test_takes_a_broker_that_has_no_name(two: tuple[Live, Live]) -> None:
    async def old(request: web.Request) -> web.Response:
        types = request.path == "/ngsi-ld/v1/types"
        return web.json_response({"typeList": []} if types else {}, status=200 if types else 404)

    async with somebody(old) as neighbour:
        result = await federation("join", neighbour, "--broker", two[0].url)
        assert result.exit_code == 0, result.output
        [body] = await registered(two[0])
        assert "contextSourceAlias" not in body and body["endpoint"] == neighbour.rstrip("/")
        assert (await federation("status", "--broker", two[0].url)).exit_code == 0


def _nobodies() -> Iterator[Any]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>", content_type="text/html")

    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})

    async def nothing(_: web.Request) -> web.Response:
        return web.json_response([1, 2, 3], status=404)

    async def odd(_: web.Request) -> web.Response:
        return web.json_response({"contextSourceAlias": "not a token\n"})

    yield from (page, elsewhere, nothing, odd)


@pytest.mark.parametrize("handler", list(_nobodies()), ids=lambda handler: str(handler.__name__))
async def test_refuses_what_is_no_broker(two: tuple[Live, Live], handler: Any) -> None:
    async with somebody(handler) as neighbour:
        result = await federation("join", neighbour, "--broker", two[0].url)
        assert result.exit_code == 1 and "Traceback" not in result.output
        assert await registered(two[0]) == []


async def test_status_notices_another_broker_at_the_address(two: tuple[Live, Live], tmp_path: Path) -> None:
    yabu, toyooka = two
    await federation("join", toyooka.url, "--broker", yabu.url)
    [body] = await registered(yabu)
    await yabu.ask("PATCH", f"{ROOT}/{body['id']}", {"contextSourceAlias": "asago"})
    result = await federation("status", "--broker", yabu.url)
    assert result.exit_code == 1 and "it calls itself toyooka, registered is asago" in result.output


async def test_status_lists_sources_of_histories_too(two: tuple[Live, Live]) -> None:
    yabu, toyooka = two
    for name in ("observationInterval", "managementInterval"):
        body = {
            "type": "ContextSourceRegistration",
            "endpoint": toyooka.url,
            "registrationName": name,
            "information": [{"entities": [{"type": "T"}]}],
            name: {"startAt": "2020-01-01T00:00:00Z"},
        }
        assert (await yabu.post(ROOT, body)).status == 201
    result = await federation("status", "--broker", yabu.url)
    assert result.exit_code == 0
    assert "observationInterval" in result.output and "managementInterval" in result.output


async def test_status_without_neighbours_says_how_to_join_one(two: tuple[Live, Live]) -> None:
    result = await federation("status", "--broker", two[0].url)
    assert result.exit_code == 0 and "engawa federation join" in result.output
    assert two[0].url in result.output  # which broker was asked


async def test_asks_our_broker_where_its_settings_say_it_is(two: tuple[Live, Live], tmp_path: Path) -> None:
    yabu, toyooka = two
    config = tmp_path / "broker.toml"
    config.write_text(f'[broker]\nhost = "0.0.0.0"\nport = {yabu.url.rpartition(":")[2]}\n', encoding="utf-8")
    joined = await federation("join", toyooka.url, "--config", str(config))
    assert joined.exit_code == 0, joined.output
    assert f"engawa federation status --config {config}" in joined.output
    found = await federation("status", "--config", str(config), "--json")
    assert found.exit_code == 0 and [one["contextSourceAlias"] for one in await registered(yabu)] == [
        "toyooka"
    ]
    (tmp_path / "other.toml").write_text(f"[broker]\nport = {free_port()}\n", encoding="utf-8")
    away = await federation("status", "--config", str(tmp_path / "other.toml"))
    assert away.exit_code == 3 and "cannot be asked" in away.output


async def test_a_name_that_stands_in_no_file_is_said_and_nothing_is_logged(two: tuple[Live, Live]) -> None:
    yabu, toyooka = two
    words = ("federation", "join", toyooka.url, "--broker", yabu.url, "--certificate", "typo")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engawa", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = (text.decode() for text in await process.communicate())
    assert (process.returncode, out) == (1, "")
    first, second = errors.splitlines()
    assert first.startswith(
        f"Error: the neighbour at {toyooka.url} cannot be joined: The certificate that is named"
    )
    assert "--federation-credentials FILE" in second
    assert await registered(yabu) == []


async def test_an_address_without_a_scheme_is_wrong_usage() -> None:
    for words in (["join", "localhost:11026"], ["status", "--broker", "localhost:1026"]):
        result = await federation(*words)
        assert result.exit_code == 2 and "does not begin with http:// or https://" in result.output


async def test_says_how_to_trust_a_broker_whose_authority_is_unknown(tmp_path: Path) -> None:
    async with secure_broker(tmp_path) as secure:
        status = await federation("status", "--broker", secure.url)
        assert status.exit_code == 3 and "its certificate is refused" in status.output
        assert "--federation-authorities" in status.output
        joined = await federation("join", secure.url, "--broker", secure.url)
        assert joined.exit_code == 1 and "--federation-authorities" in joined.output
        trusted = tmp_path / "authority.pem"
        secure.authority.cert_pem.write_to_path(str(trusted))
        words = ("--broker", secure.url, "--federation-authorities", str(trusted))
        assert (await federation("status", *words)).exit_code == 0
