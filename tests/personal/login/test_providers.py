"""The file of login providers: what it says, what it must not; claims read as a card's basics. (docs/personal-login.md)"""

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from base.egress import AddressPolicy
from base.settings import SettingError
from engawa.command import cli
from personal import providers, trust
from personal.login import oidc_claims
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from tests.personal.login.oidc import keep_key, own_key

POLICY = AddressPolicy((), loopback=True)
APP = """
[[provider]]
name = "digital"
preset = "digital-auth-app"
client_id = "yabu"
key = "own.jwk"
"""
CITY = """
[[provider]]
name = "city"
label = { ja = "市", en = "City" }
issuer = "https://sso.city.example/realms/staff"
client_id = "engawa"
key = "own.jwk"
"""


def read(folder: Path, text: str) -> providers.LoginProviders:
    file = folder / "logins.toml"
    file.write_text(text, encoding="utf-8")
    if not (folder / "own.jwk").exists():
        own_key(folder)
    return providers.read(file, POLICY)


def test_the_preset_is_as_it_was_described(tmp_path: Path) -> None:
    # personal-data.md 2.4
    one = read(tmp_path, APP).listed[0]
    known = one.client.registration
    assert known.issuer == "https://auth-and-sign.go.jp/api/realms/main"
    assert known.algorithms == ("ES256",)
    assert one.scopes == ("openid", "name", "address", "birthdate", "gender")
    assert " ".join(one.acr_values) == "aal3 crl"
    assert one.level("aal3") is Level.CARD
    assert one.level("") is one.level("aal2") is Level.NONE
    assert one.proving == {"aal3", "aal3 crl"}
    sandbox = read(tmp_path, APP.replace('auth-app"', 'auth-app-sandbox"')).listed[0]
    assert sandbox.client.registration.issuer.startswith("https://sb-auth-and-sign.go.jp/")


def test_what_a_file_says_goes_before_its_preset(tmp_path: Path) -> None:
    one = read(tmp_path, APP + 'levels = { aal3 = "city-card" }\nscopes = ["openid"]').listed[0]
    assert one.surest is Level.CITY_CARD
    assert one.proving == frozenset()
    assert one.scopes == ("openid",)


def test_what_is_not_said_is_least(tmp_path: Path) -> None:
    residents, staff = read(
        tmp_path, CITY + CITY.replace('"city"', '"staff"').replace('"engawa"', '"b"') + 'who = "staff"'
    ).listed
    assert residents.surest is Level.NONE  # nobody logs in by it before the file says how sure it is
    assert staff.surest is Level.CITY_CARD and not staff.proving


def test_only_providers_of_residents_that_reach_the_card_prove_decisions(tmp_path: Path) -> None:
    text = APP + CITY + 'levels = { high = "card" }\nwho = "staff"'
    found = trust.anchors(PersonalSettings(data=tmp_path), read(tmp_path, text))
    assert [one.audience for one in found.providers] == ["yabu"]
    assert found.providers[0].levels == {"aal3", "aal3 crl"}
    assert found.providers[0].keys["keys"] == []


def test_one_file_of_keys_still_proves_decisions(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256", {"kid": "p"})
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
    old = PersonalSettings(
        data=tmp_path,
        provider_issuer="https://a.example",
        provider_client="c",
        provider_keys=tmp_path / "jwks.json",
    )
    found = [one.issuer for one in trust.anchors(old, read(tmp_path, APP)).providers]
    assert found == ["https://a.example", "https://auth-and-sign.go.jp/api/realms/main"]


def test_several_keys_are_published_and_the_first_signs(tmp_path: Path) -> None:
    own_key(tmp_path)
    new = ECKey.generate_key("P-256", {"kid": "new"})
    keep_key(tmp_path / "new.jwk", new.as_dict(private=True))
    found = read(tmp_path, APP.replace('"own.jwk"', '["new.jwk", "own.jwk"]'))
    assert found.listed[0].client.registration.key.kid == "new"
    assert [key["kid"] for key in found.own_keys()["keys"]] == ["new", "ours"]
    assert all("d" not in key for key in found.own_keys()["keys"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "tables"),
        ("[provider]\na = 1", "tables"),
        ("provider = 1", "tables"),
        ("other = 1\n" + APP, "tables"),
        ("[[provider", "cannot be read"),
        ("provider = [1]", "no table"),
        (APP.replace("digital-auth-app", "nothing"), "preset"),
        (APP + "colour = 1", "colour"),
        (CITY.replace("label", "# label"), "label"),
        (CITY.replace("https://", "http://"), "https"),
        (CITY.replace("/realms/staff", "/realms/staff?a=b"), "query"),
        (CITY.replace('"city"', '"City"'), "name"),
        (CITY.replace('"city"', '"backchannel"'), "name"),
        (CITY + 'scopes = ["email"]', "scopes"),
        (CITY + 'scopes = ["openid", "a b"]', "scopes"),
        (CITY + 'levels = { a = "highest" }', "levels"),
        (CITY + 'algorithms = ["none"]', "algorithms"),
        (CITY + 'algorithms = ["HS256"]', "algorithms"),
        (CITY + "seconds = 0", "seconds"),
        (CITY.replace("own.jwk", "away.jwk"), "login-keys"),
        (CITY.replace("own.jwk", "rsa.jwk"), "login-keys"),
        (CITY.replace("own.jwk", "public.jwk"), "login-keys"),
        (CITY.replace("own.jwk", "open.jwk"), "chmod 600"),
        (CITY + 'authorities = "own.jwk"', "authorities"),
        (CITY + 'authorities = "away.pem"', "authorities"),
        (APP + APP, "same name"),
        (APP + APP.replace('"digital"', '"second"'), "client_id"),
    ],
)
def test_a_file_that_is_wrong_says_what_is_wrong(text: str, told: str, tmp_path: Path) -> None:
    rsa = RSAKey.generate_key(2048)
    keep_key(tmp_path / "rsa.jwk", rsa.as_dict(private=True))
    keep_key(tmp_path / "public.jwk", ECKey.generate_key("P-256").as_dict(private=False))
    keep_key(tmp_path / "open.jwk", ECKey.generate_key("P-256").as_dict(private=True))
    (tmp_path / "open.jwk").chmod(0o640)
    with pytest.raises(SettingError, match=told):
        read(tmp_path, text)


def test_a_command_makes_the_key_and_prints_its_public_half(tmp_path: Path) -> None:
    file = tmp_path / "digital.jwk"
    found = CliRunner().invoke(cli, ["login-keys", "digital", "--out", str(file)])
    assert found.exit_code == 0, found.output
    key = orjson.loads(found.output)["keys"][0]
    assert "d" not in key and key["alg"] == "ES256"
    assert file.stat().st_mode & 0o777 == 0o600
    assert read(tmp_path, APP.replace("own.jwk", "digital.jwk")).own_keys()["keys"][0]["kid"] == key["kid"]
    again = CliRunner().invoke(cli, ["login-keys", "digital", "--out", str(file)])
    assert again.exit_code == 1 and "never overwritten" in again.output


@pytest.mark.parametrize(
    ("claims", "read"),
    [
        ({"name": "養父　花子"}, {"name": "養父 花子"}),
        ({"address": {"formatted": "養父市\n八鹿町"}}, {"address": "養父市 八鹿町"}),
        ({"address": "養父市"}, {"address": "養父市"}),
        ({"birthdate": "19900401", "gender": "2"}, {"birthDate": "1990-04-01", "sex": "2"}),
        ({"birthdate": "1990-04-01", "gender": "male"}, {"birthDate": "1990-04-01", "sex": "1"}),
        ({"birthdate": "1990-02-30", "gender": "x", "name": 5, "address": []}, {}),
        ({"birthdate": "0000-04-01", "name": "a" * 101, "address": "\x00"}, {}),
    ],
)
def test_claims_are_read_as_a_card_tells_them(claims: dict[str, Any], read: dict[str, str]) -> None:
    assert oidc_claims.basics(claims) == read


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.dictionaries(st.sampled_from(["formatted", "a"]), inner),
    max_leaves=3,
)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["name", "address", "birthdate", "gender", "more"]), ANY | st.dates().map(str)
    )
)
def test_whatever_is_claimed_gives_texts_that_can_be_shown(claims: dict[str, Any]) -> None:
    found = oidc_claims.basics(claims)
    assert set(found) <= {"name", "address", "birthDate", "sex"}
    assert all(value and value.isprintable() for value in found.values())
    if "birthDate" in found:
        date.fromisoformat(found["birthDate"])
