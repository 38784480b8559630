"""A top key in a PKCS#11 token, with SoftHSM as a real one: it never leaves it. (issue 5)"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from base.errors import ServiceUnavailable
from base.settings import SettingError
from personal.settings import PersonalSettings
from personal.vault import opening
from personal.vault.envelope import Unreadable
from personal.vault.keys import KeyStore
from personal.vault.token import TokenTopKey
from tests.personal.live import live_module

LIBRARIES = [
    Path(path)
    for path in (
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    )
]
LIBRARY = next((path for path in LIBRARIES if path.exists()), None)
pytestmark = [
    pytest.mark.skipif(
        LIBRARY is None or not shutil.which("softhsm2-util"), reason="SoftHSM (softhsm2) is not there"
    ),
    pytest.mark.skipif(importlib.util.find_spec("pkcs11") is None, reason="python-pkcs11 is not there"),
]


@dataclass
class Token:
    """A token and the settings that name it."""

    folder: Path
    settings: PersonalSettings

    def top(self, town: Path) -> TokenTopKey:
        made = opening.top_key(self.settings, town)
        assert isinstance(made, TokenTopKey)
        return made


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Point the library, which reads its configuration once in a process, to a folder of ours."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    label = ["--label", "engawa", "--so-pin", "12345678", "--pin", "1234"]
    subprocess.run(["softhsm2-util", "--init-token", "--free", *label], check=True, capture_output=True)
    yield folder
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture
def token(softhsm: Path, tmp_path: Path) -> Token:
    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    pin.chmod(0o600)
    return Token(
        softhsm,
        PersonalSettings(pkcs11_library=LIBRARY, pkcs11_token="engawa", pkcs11_pin=pin, data=tmp_path),
    )


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / f"town-{os.urandom(4).hex()}"
    folder.mkdir()
    return folder


async def test_keys_are_wrapped_in_the_token_and_nothing_of_it_is_in_the_folder(
    token: Token, town: Path
) -> None:
    store = KeyStore(town, token.top(town))
    key, named = await store.fresh("r_1", "local", "contact"), await store.named("ppid")
    await store.close()
    store = KeyStore(town, token.top(town))
    assert (store.opened(key.id), await store.named("ppid")) == (key.secret, named)
    await store.close()
    assert not (town / "top.key").exists()


def test_the_key_cannot_be_taken_out(token: Token, town: Path) -> None:
    import pkcs11

    key: Any = token.top(town)._keys.popitem()[1]
    assert key[pkcs11.Attribute.SENSITIVE] and not key[pkcs11.Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        key[pkcs11.Attribute.VALUE]


def test_what_was_wrapped_opens_under_its_name_only(token: Token, town: Path) -> None:
    top = token.top(town)
    wrapped = top.wrap(b"k" * 32, b"name")
    assert top.unwrap(wrapped, b"name", top.id) == b"k" * 32
    for data, name, id in (
        (wrapped, b"other", top.id),
        (wrapped[:-1] + b"\x00", b"name", top.id),
        (wrapped, b"name", "token-00000009-00000000"),
        (b"\x01" + wrapped[1:], b"name", top.id),
    ):
        with pytest.raises(Unreadable):
            top.unwrap(data, name, id)


async def test_the_top_key_changes_in_the_token_and_the_old_one_is_destroyed(
    token: Token, town: Path
) -> None:
    store = KeyStore(town, token.top(town))
    key = await store.fresh("r_1", "local", "contact")
    before = token.top(town).id
    await store.rotate_top()
    assert store.opened(key.id) == key.secret
    await store.close()
    assert token.top(town).known == {token.top(town).id} and token.top(town).id != before


async def test_a_change_that_was_cut_goes_on(token: Token, town: Path) -> None:
    store = KeyStore(town, token.top(town))
    key = await store.fresh("r_1", "local", "contact")
    store._top.succeed()
    await store.close()
    store = KeyStore(town, token.top(town))
    assert store.top_changing and store.opened(key.id) == key.secret
    await store.rotate_top()
    assert not store.top_changing and store.opened(key.id) == key.secret
    await store.close()


def test_a_session_that_was_lost_is_opened_again(token: Token, town: Path) -> None:
    top = token.top(town)
    wrapped = top.wrap(b"k" * 32, b"name")
    top._session.close()
    assert top.unwrap(wrapped, b"name", top.id) == b"k" * 32


def test_a_token_that_went_away_is_said_so(token: Token, town: Path) -> None:
    top = token.top(town)
    wrapped = top.wrap(b"k" * 32, b"name")
    top._session.close()
    top._token = "gone"
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        top.unwrap(wrapped, b"name", top.id)


def test_a_token_without_the_key_of_a_store_is_refused(token: Token, town: Path) -> None:
    (town / "keys.db").touch()
    with pytest.raises(SettingError, match="has no top key"):
        token.top(town)


def test_two_towns_have_two_keys_in_one_token(token: Token, town: Path, tmp_path: Path) -> None:
    other = tmp_path / f"other-{os.urandom(4).hex()}"
    other.mkdir()
    one, two = token.top(town), token.top(other)
    assert not one.known & two.known
    wrapped = one.wrap(b"k" * 32, b"name")
    with pytest.raises(Unreadable):
        two.unwrap(wrapped, b"name", two.id)


@pytest.mark.parametrize(
    ("label", "pin", "told"), [("engawa", "9999", "refuses the PIN"), ("none", "1234", "no token 'none'")]
)
def test_wrong_pins_and_tokens_are_told(token: Token, town: Path, label: str, pin: str, told: str) -> None:
    """In a process of its own: a login holds for the whole process."""
    assert LIBRARY
    code = (
        "import sys; from pathlib import Path; from personal.vault.token import TokenTopKey\n"
        "TokenTopKey(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))"
    )
    command = [sys.executable, "-c", code, str(LIBRARY), label, pin, str(town)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode and told in found.stderr


def test_a_library_that_is_none_is_told(town: Path) -> None:
    with pytest.raises(SettingError, match="cannot be opened with"):
        TokenTopKey(town / "none.so", "engawa", "1234", town)


def test_where_the_library_of_python_is_missing_it_is_named(
    town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(SettingError, match=r"engawa\[token\]"):
        TokenTopKey(town / "none.so", "engawa", "1234", town)


def test_a_pin_that_others_may_read_is_refused(token: Token, town: Path) -> None:
    assert token.settings.pkcs11_pin
    token.settings.pkcs11_pin.chmod(0o644)
    with pytest.raises(SettingError, match="others may read"):
        token.top(town)


async def test_a_module_runs_with_its_top_key_in_a_token(token: Token, tmp_path: Path) -> None:
    given = {name: getattr(token.settings, name) for name in ("pkcs11_library", "pkcs11_token", "pkcs11_pin")}
    body = {"value": {"phones": [{"number": "079-662-0000", "kind": "home"}]}, "expectedVersion": 0}
    for time in range(2):
        async with live_module(tmp_path / "data", **given) as live:
            if not time:
                await live.register("hanako")
                await live.ask("PUT", "/me/items/contact", body, by=await live.resident("hanako"))
            read = await live.get("/me/items/contact", by=await live.resident("hanako"))
            assert read.json["value"] == body["value"]
