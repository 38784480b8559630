"""By what services prove who they are: keys that are taken and refused, client certificates. (RFC 7517, 7523, 8705)"""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from base import clock
from base.errors import BadRequestData
from personal.rules import service_keys
from personal.store import services
from tests.access.secure import Authority, server_pem
from tests.personal.catalogue.test_four_eyes import decide, propose
from tests.personal.live import Live, described, live_module


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": "one", **more}


EC = ECKey.generate_key("P-256")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (jwk(EC), "ES256"),
        (jwk(EC, alg="ES256", use="sig", key_ops=["verify"], x5c=["MIIB"]), "ES256"),
        (jwk(ECKey.generate_key("P-384")), "ES384"),
        (jwk(OKPKey.generate_key("Ed25519")), "EdDSA"),
        (jwk(OKPKey.generate_key("Ed25519"), alg="Ed25519"), "Ed25519"),
        (jwk(RSAKey.generate_key(2048)), "PS256"),
    ],
)
def test_public_keys_for_the_allowed_algorithms_are_taken(key: dict[str, Any], algorithm: str) -> None:
    (kept,) = service_keys.checked({"keys": [key]})["keys"]
    assert (kept["alg"], kept["use"], kept["kid"]) == (algorithm, "sig", "one")
    assert "x5c" not in kept


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ({**EC.as_dict(private=True), "kid": "one"}, "secret"),
        ({**OctKey.generate_key(256).as_dict(private=True), "kid": "one"}, "secret"),
        ({"kty": "oct", "kid": "one"}, "no public key"),
        (jwk(ECKey.generate_key("P-521")), "none of"),
        (jwk(ECKey.generate_key("secp256k1")), "none of"),
        (jwk(OKPKey.generate_key("X25519")), "none of"),
        (jwk(OKPKey.generate_key("Ed448")), "none of"),
        (jwk(EC, alg="RS256"), "none of"),
        (jwk(EC, alg="none"), "none of"),
        (jwk(EC, alg=["ES256"]), "none of"),
        (jwk(EC, use="enc"), "signatures"),
        (jwk(EC, key_ops=["sign"]), "signatures"),
        (jwk(EC, key_ops=7), "signatures"),
        (jwk(EC, kid=""), "kid"),
        (jwk(EC, kid=7), "kid"),
        (jwk(EC, x="AAAA"), "fit"),
        (jwk(EC, y="!"), "fit"),
        (jwk(EC, x=None), "no public key"),
        ({}, "no public key"),
        ({"kty": ["EC"]}, "no public key"),
    ],
)
def test_other_keys_are_refused(key: dict[str, Any], word: str) -> None:
    with pytest.raises(BadRequestData, match=word):
        service_keys.checked({"keys": [key]})


def test_short_rsa_keys_are_refused() -> None:
    import warnings

    with warnings.catch_warnings(action="ignore"):
        short = jwk(RSAKey.generate_key(1024))
    with pytest.raises(BadRequestData, match="bits"):
        service_keys.checked({"keys": [short]})


def test_two_keys_do_not_share_a_kid() -> None:
    with pytest.raises(BadRequestData, match="same kid"):
        service_keys.checked({"keys": [jwk(EC), jwk(ECKey.generate_key("P-256"))]})


async def test_a_secret_key_is_not_kept_and_not_shown(live: Live, capfd: pytest.CaptureFixture[str]) -> None:
    secret = EC.as_dict(private=True)
    reply = await propose(
        live,
        "service",
        {"service": "x", "description": described(), "keys": {"keys": [{**secret, "kid": "a"}]}},
    )
    assert reply.status == 400
    assert str(secret["d"]) not in reply.raw.decode() + "".join(capfd.readouterr())


async def test_a_service_without_keys_or_certificate_is_refused(live: Live) -> None:
    for more in ({}, {"keys": {"keys": []}}, {"keys": {"keys": []}, "certificate": None}):
        reply = await propose(live, "service", {"service": "x", "description": described(), **more})
        assert reply.status == 400


async def test_a_service_is_known_by_the_certificate_that_was_approved(tmp_path: Path) -> None:
    server, clients = trustme.CA(), Authority(tmp_path)
    files = [clients.issue("shelter"), clients.issue("shelter")]
    live_settings = {
        "tls_certificate": server_pem(server, tmp_path / "server.pem"),
        "tls_client_authorities": clients.file,
    }
    async with live_module(tmp_path / "data", trust=server, **live_settings) as live:
        pem = files[0].read_text().partition("-----BEGIN PRIVATE KEY")[0]
        body = {"service": "shelter", "description": described(), "keys": {"keys": []}, "certificate": pem}
        made = await propose(live, "service", body)
        assert made.status == 201, made.raw
        assert await ask(live, server, files[0]) == 403
        assert (await decide(live, made.json["id"])).status == 204
        assert [await ask(live, server, file) for file in (*files, None)] == [204, 403, 403]
        other = await propose(live, "service", {**body, "service": "other"})
        assert other.status == 409
        suspend = {"active": False}
        await live.post("/catalogue/services/shelter/state", suspend, by=await live.staff("catalogue"))
        assert await ask(live, server, files[0]) == 403
        service = live.town.store.read(lambda db: services.find(db, "shelter"))
        assert service is not None
        assert service.certificate == service_keys.thumbprint(pem, clock.now())


async def ask(live: Live, server: trustme.CA, certificate: Path | None) -> int:
    """Ask for something that only a service gets."""
    import ssl

    context = ssl.create_default_context()
    server.configure_trust(context)
    if certificate is not None:
        context.load_cert_chain(certificate)
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.delete(f"{live.url}/personal/v1/session") as answer,
    ):
        return answer.status
