"""The desk's readers on a real pcscd with virtual readers: cards, removals, restarts, kills. (issue 6; card.md §2, §3)"""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

pytest.importorskip("smartcard", reason="pyscard is not installed")

from adapters.desk.attention import Attention
from adapters.desk.cards import apdu, card
from adapters.desk.cards.card import CityCard, Foreign, LastTry, Locked, WrongPin
from adapters.desk.cards.channel import Busy, NoCard, NoReader, NoService, Seen, Torn
from adapters.desk.cards.pcsc import PcscReaders
from adapters.desk.emulator.cards import PASSWORD, Made
from adapters.desk.emulator.chip import Habits
from adapters.desk.settings import DeskSettings
from adapters.desk.trying import look
from tests.adapters.desk.reader import NAMES, PATIENCE, Service, pcscd
from tests.adapters.desk.standing import standing

DIGEST = bytes(range(32))
FIRST, SECOND = NAMES


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with pcscd() as running:
        before = os.environ.get("PCSCLITE_CSOCK_NAME")
        os.environ["PCSCLITE_CSOCK_NAME"] = running.socket
        yield running
        if before is None:
            del os.environ["PCSCLITE_CSOCK_NAME"]
        else:
            os.environ["PCSCLITE_CSOCK_NAME"] = before


@pytest.fixture(scope="module")
def readers(service: Service) -> Iterator[PcscReaders]:
    made = PcscReaders("Virtual PCD")
    yield made
    made.close()


def until(readers: PcscReaders, wanted: Callable[[Seen], bool]) -> Seen:
    """Wait for a state."""
    end, seen = monotonic() + PATIENCE, readers.seen()
    while not wanted(seen):
        assert monotonic() < end, seen
        seen = readers.wait(seen, 1.0)
    return seen


def on(seen: Seen, name: str) -> bool:
    return any(slot.name == name and slot.present for slot in seen.slots)


def off(seen: Seen, name: str) -> bool:
    return any(slot.name == name and not slot.present for slot in seen.slots)


@pytest.fixture(scope="module")
def hanako(service: Service, readers: PcscReaders, issued: Mapping[str, Made]) -> Iterator[None]:
    """Keep a card on the second reader: placing and taking one costs a second."""
    placed = service.place(issued["hanako"].chip(), slot=1)
    until(readers, lambda seen: on(seen, SECOND))
    yield
    placed.take()


def proves(certificate: bytes, signature: bytes, signed: bytes = DIGEST) -> bool:
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    return True


def test_both_readers_are_there_and_empty_ones_say_so(readers: PcscReaders) -> None:
    seen = until(readers, lambda seen: len(seen.slots) == 2)
    assert tuple(slot.name for slot in seen.slots) == NAMES
    with pytest.raises(NoCard), readers.opened(FIRST):
        pass
    with pytest.raises(NoReader), readers.opened("Another Reader 00 00"):
        pass


def test_a_card_signs_and_forgets_when_the_line_ends(
    readers: PcscReaders, issued: Mapping[str, Made], hanako: None
) -> None:
    for _ in range(3):
        with readers.opened(SECOND) as line:
            known = card.known(line)
            with pytest.raises(apdu.Unreadable):
                card.sign(known, DIGEST)
            card.verify(known, bytearray(b"1234"))
            assert proves(issued["hanako"].certificate, card.sign(known, DIGEST))
            assert card.four_items(known, bytearray(b"1234")).name == "見本\u3000花子"


def test_setting_up_shows_the_card_without_its_pin(readers: PcscReaders, hanako: None) -> None:
    found = look(DeskSettings(reader="PCD 00 01", card_seconds=PATIENCE))
    assert (found["reader"], found["kind"], found["pinTries"]) == (SECOND, "mynumber", 3)
    assert "NOT A REAL CA" in found["issuer"]


def test_nobody_else_reaches_a_card_in_use(readers: PcscReaders, hanako: None) -> None:
    with readers.opened(SECOND) as line:
        card.verify(card.known(line), bytearray(b"1234"))
        with pytest.raises(Busy), readers.opened(SECOND):
            pass


@pytest.mark.kill
def test_a_killed_desk_leaves_no_verified_pin(readers: PcscReaders, hanako: None) -> None:
    """In shared mode the next process signs without a PIN (card.md 3.5); ours is exclusive."""
    code = (
        "import sys, time\n"
        "from adapters.desk.cards import card\n"
        "from adapters.desk.cards.pcsc import PcscReaders\n"
        f"with PcscReaders('Virtual').opened({SECOND!r}) as line:\n"
        "    card.verify(card.known(line), bytearray(b'1234'))\n"
        "    print('verified', flush=True)\n"
        "    time.sleep(600)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == "verified\n"
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    with readers.opened(SECOND) as line:
        known = card.known(line)
        with pytest.raises(apdu.Unreadable):
            card.sign(known, DIGEST)
        assert card.tries(known) == 3


@pytest.mark.parametrize("id", ["locked", "city", "foreign", "midori", "taro", "torn", "next"])
def test_every_kind_of_card_through_the_real_service(
    service: Service, readers: PcscReaders, issued: Mapping[str, Made], id: str
) -> None:
    until(readers, lambda seen: off(seen, FIRST))
    placed = service.place(issued[id].chip(Habits(short=200)))
    until(readers, lambda seen: on(seen, FIRST))
    {"locked": _locked, "city": _city, "foreign": _foreign, "taro": _missed, "torn": _torn}.get(id, _signs)(
        readers
    )
    placed.take()
    until(readers, lambda seen: off(seen, FIRST))


def _signs(readers: PcscReaders) -> None:
    with readers.opened(FIRST) as line:
        known = card.known(line)
        card.verify(known, bytearray(b"1234"))
        assert card.sign(known, DIGEST)  # which verifies it


def _locked(readers: PcscReaders) -> None:
    with readers.opened(FIRST) as line, pytest.raises(Locked):
        card.verify(card.known(line), bytearray(b"1234"))


def _city(readers: PcscReaders) -> None:
    with readers.opened(FIRST) as line, pytest.raises(CityCard) as found:
        card.known(line)
    assert found.value.number.hex() == "0114b34a2c0f9e01"


def _foreign(readers: PcscReaders) -> None:
    with readers.opened(FIRST) as line, pytest.raises(Foreign):
        card.known(line)


def _missed(readers: PcscReaders) -> None:
    for left in (2, 1):
        with readers.opened(FIRST) as line, pytest.raises(WrongPin) as found:
            card.verify(card.known(line), bytearray(b"9999"))
        assert found.value.left == left
    with readers.opened(FIRST) as line, pytest.raises(LastTry):
        card.verify(card.known(line), bytearray(b"1234"))


def _torn(readers: PcscReaders) -> None:
    before = readers.seen()
    with readers.opened(FIRST) as line, pytest.raises(Torn):
        known = card.known(line)
        card.verify(known, bytearray(b"1234"))
        card.sign(known, DIGEST)
    after = until(readers, lambda seen: off(seen, FIRST))
    counts = [{slot.name: slot.count for slot in seen.slots}[FIRST] for seen in (before, after)]
    assert counts[1] > counts[0]


def test_opensc_which_knows_real_cards_signs_with_the_emulator(
    service: Service, issued: Mapping[str, Made], hanako: None, tmp_path: Path
) -> None:
    """OpenSC's jpki driver was written against real cards: an independent judge of the emulator."""
    tool = shutil.which("pkcs15-crypt")
    if tool is None or shutil.which("pkcs15-tool") is None:
        pytest.skip("OpenSC is not installed")
    environment = {**os.environ, "HOME": str(tmp_path)}
    listed = subprocess.run(
        ["pkcs15-tool", "--reader", SECOND, "--list-certificates", "--list-keys"],
        env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    assert "User Authentication" in listed.stdout, listed.stdout
    (tmp_path / "data").write_bytes(_sha256(DIGEST))
    for key, pin, certificate in (
        ("1", "1234", issued["hanako"].certificate),
        ("2", PASSWORD.decode(), issued["hanako"].signing),
    ):
        out = tmp_path / f"signature-{key}"
        done = subprocess.run(
            [tool, "--reader", SECOND, "--sign", "--key", key, "--pin", pin, "--sha-256", "--pkcs1", "--input", str(tmp_path / "data"), "--output", str(out), "--raw"],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert proves(certificate, out.read_bytes())


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def test_the_whole_way_from_portal_to_card_and_back_through_the_real_service(
    service: Service, issued: Mapping[str, Made], card_folder: Path, hanako: None, tmp_path: Path
) -> None:
    async with (
        standing(
            tmp_path, card_folder, issued, readers=PcscReaders("Virtual PCD"), card_seconds=2.0
        ) as there,
        there.visited() as visited,
    ):
        await visited.linked("hanako")
        page = await visited.begin()
        begun = monotonic()
        page = await visited.browser.post(page.url, pin="1234")
        took = monotonic() - begun
        assert page.status == 200 and page.url == f"{visited.live.url}/me", page.text
        print(f"login through the real service took {took * 1000:.0f} ms")
        placed = service.place(issued["taro"].chip())
        async with asyncio.timeout(PATIENCE):
            while len([slot for slot in visited.desk.attention.seen.slots if slot.present]) < 2:
                await visited.desk.attention.changed(visited.desk.attention.seen, PATIENCE)
        await visited.begin()
        page = await visited.browser.post(visited.browser.page.url, pin="1234")
        assert "カードが2枚置かれています" in page.text
        placed.take()


async def test_a_service_that_begins_anew_is_found_again(
    service: Service, readers: PcscReaders, issued: Mapping[str, Made]
) -> None:
    service.stop()
    until(readers, lambda seen: not seen.service)
    with pytest.raises(NoService), readers.opened(SECOND):
        pass
    async with Attention(PcscReaders()).paid() as attention:
        with pytest.raises(NoService):
            await attention.do(card.known, 0.0, 0.0)
    service.start()
    until(readers, lambda seen: len(seen.slots) == 2)
    service.place(issued["taro"].chip())
    until(readers, lambda seen: on(seen, FIRST))
    _signs(readers)


@pytest.mark.kill
def test_nothing_of_it_is_left_even_after_a_kill(service: Service) -> None:
    keeper, pid = service.keeper, service.pid
    service.stop()
    assert keeper is not None and keeper.returncode == 0 and not _serves(pid)
    code = (
        "import time\n"
        "from tests.adapters.desk.reader import pcscd\n"
        "with pcscd() as running:\n"
        "    print(running.pid, running.folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert other.stdout is not None
    started, folder = other.stdout.readline().split()
    other.send_signal(signal.SIGKILL)
    other.communicate()
    end = monotonic() + PATIENCE
    while _serves(int(started)):
        assert monotonic() < end, "pcscd was left behind"
        sleep(0.02)
    shutil.rmtree(folder)


def _serves(pid: int) -> bool:
    """Say whether a process is a pcscd that lives."""
    try:
        return b"pcscd" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
