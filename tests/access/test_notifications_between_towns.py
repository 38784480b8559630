"""Mutual TLS between towns, for notifications too: who passes one on shows its certificate. (5.8.6, 5.2.22)"""

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from broker.notify.endpoint import RECEIVING
from broker.server import broker_of, served
from broker.settings import BrokerSettings
from tests.federation.fakes import Fake, fake
from tests.federation.test_credentials import written
from tests.federation.test_subscriptions import SHELTER, create, shelter, subscribe, subscriptions_at
from tests.federation.towns import registration
from tests.live import Live, live_broker
from tests.notify.receiver import Receiver, receiving
from tests.ports import free_port

KEY = "urn:engawa:certificate"
NAMED = {"key": KEY, "value": "ours"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


def pem(authority: trustme.CA, file: Path, name: str) -> Path:
    """Write a certificate for a name on localhost, with its key."""
    made = authority.issue_cert("localhost", common_name=name)
    made.private_key_and_cert_chain_pem.write_to_path(file)
    file.chmod(0o600)
    return file


def certificates(folder: Path, *endpoints: str) -> Path:
    listed = ", ".join(f'"{one}"' for one in endpoints)
    return written(
        folder, f'[certificates.ours]\ncertificate = "own.pem"\nkey = "own.pem"\nendpoints = [{listed}]\n'
    )


def prepared(folder: Path, authority: trustme.CA) -> Path:
    """Make the folder of a broker with the authority it trusts."""
    folder.mkdir()
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    return trusted


@contextlib.asynccontextmanager
async def walled(
    folder: Path, name: str, authority: trustme.CA, port: int, *neighbours: int, **more: Any
) -> AsyncIterator[Live]:
    """Run a broker that lets only those connect who show a certificate, and shows its own to its neighbours."""
    trusted = prepared(folder, authority)
    settings = BrokerSettings(
        data=folder / "data",
        port=port,
        tls_certificate=pem(authority, folder / "own.pem", name),
        tls_client_authorities=trusted,
        tls_clients="required",
        federation_authorities=trusted,
        federation_credentials=certificates(folder, *(f"https://localhost:{one}" for one in neighbours)),
        public_url=f"https://localhost:{port}",
        notify_backoff=0.1,
        **more,
    )
    client = ssl.create_default_context(cafile=str(trusted))
    client.load_cert_chain(pem(authority, folder / "client.pem", "client"))
    async with (
        broker_of(settings) as broker,
        served(broker, "127.0.0.1", port, seconds=1.0),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client)) as session,
    ):
        yield Live(f"https://localhost:{port}", session, broker)


async def test_towns_that_ask_for_certificates_pass_notifications_on_to_each_other(
    tmp_path: Path, receiver: Receiver
) -> None:
    authority, one, other = trustme.CA(), free_port(), free_port()
    async with (
        walled(tmp_path / "yabu", "yabu", authority, one, other) as yabu,
        walled(tmp_path / "toyooka", "toyooka", authority, other, one) as toyooka,
    ):
        info = [{"key": KEY, "value": "ours"}]
        for here, there in ((yabu, toyooka), (toyooka, yabu)):
            body = registration(there, SHELTER, contextSourceInfo=info)
            assert (await here.post("/csourceRegistrations", body)).status == 201
        id = await subscribe(yabu, receiver)
        await subscriptions_at(toyooka, 1)
        await create(toyooka, shelter(1))
        (first,) = await receiver.wait()
        assert first.entities == [shelter(1)] and first.json["subscriptionId"] == id
        assert (await yabu.ask("DELETE", f"/subscriptions/{id}")).status == 204
        id = await subscribe(toyooka, receiver)
        await subscriptions_at(yabu, 1)
        await create(yabu, shelter(2))
        _, second = await receiver.wait(2)
        assert second.entities == [shelter(2)] and second.json["subscriptionId"] == id


def asking_for_certificates(authority: trustme.CA) -> ssl.SSLContext:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    server.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server)
    return server


async def told(live: Live, url: str, *pairs: dict[str, str]) -> dict[str, Any]:
    """Subscribe, change something, and give what the subscription counted in the end."""
    endpoint = {"uri": url, **({"receiverInfo": list(pairs)} if pairs else {})}
    body = {"type": "Subscription", "entities": [SHELTER], "notification": {"endpoint": endpoint}}
    made = await live.post("/subscriptions", body)
    assert made.status == 201, made.json
    path = f"/subscriptions/{made.headers['Location'].rpartition('/')[2]}"
    number = int(made.headers["Location"][-4:], 16)
    await create(live, shelter(number))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(live.ask, "DELETE", path)
        while True:
            counted: dict[str, Any] = (await live.get(path)).json["notification"]
            if counted.get("status"):
                return counted


@contextlib.asynccontextmanager
async def strict(folder: Path) -> AsyncIterator[tuple[Live, Fake, Fake]]:
    """Run a broker and two receivers that ask for certificates; ours is meant for the first."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    pem(authority, folder / "own.pem", "yabu")
    tls = asking_for_certificates(authority)
    async with fake({}, tls=tls) as receiver, fake({}, tls=tls) as elsewhere:
        settings: dict[str, Any] = {
            "federation_credentials": certificates(folder, receiver.url),
            "federation_authorities": folder / "authority.pem",
            "notify_authorities": folder / "authority.pem",
            "notify_attempts": 1,
        }
        async with live_broker(folder / "data", **settings) as live:
            yield live, receiver, elsewhere


async def test_a_subscription_names_the_certificate_its_receiver_wants(tmp_path: Path) -> None:
    async with strict(tmp_path) as (live, receiver, elsewhere):
        assert (await told(live, receiver.url + "/notify", NAMED))["status"] == "ok"
        assert KEY not in receiver.last.headers
        for url, pairs in (
            (elsewhere.url + "/notify", [NAMED]),
            (receiver.url + "/notify", [{**NAMED, "value": "none"}]),
        ):
            assert (await told(live, url, *pairs))["status"] == "failed"
        assert len(receiver.seen) == 1 and not elsewhere.seen


async def test_unasked_it_is_shown_where_neighbours_take_notifications_only(tmp_path: Path) -> None:
    """Else whoever may subscribe could have us act in our own name at other resources of the neighbour."""
    async with strict(tmp_path) as (live, receiver, elsewhere):
        assert (await told(live, receiver.url + RECEIVING))["status"] == "ok"
        for url in (receiver.url + "/ngsi-ld/v1/entities", elsewhere.url + RECEIVING):
            assert (await told(live, url))["status"] == "failed"
        assert len(receiver.seen) == 1 and not elsewhere.seen


async def test_a_certificate_needs_https(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live:
        endpoint = {"uri": "http://127.0.0.1:9/", "receiverInfo": [NAMED]}
        body = {"type": "Subscription", "entities": [SHELTER], "notification": {"endpoint": endpoint}}
        assert (await live.post("/subscriptions", body)).status == 400
