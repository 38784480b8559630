"""Shares of the top key: any k of n restore it, fewer or wrong ones do not. (Shamir 1979)"""

import random
import shutil
import subprocess

import pytest
from Crypto.Protocol.SecretSharing import Shamir
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData
from personal.vault import escrow
from personal.vault.escrow import Share

keys = st.binary(min_size=32, max_size=32)


@st.composite
def kinds(draw: st.DrawFn) -> tuple[int, int]:
    threshold = draw(st.integers(2, 6))
    return threshold, draw(st.integers(threshold, 9))


@given(keys, kinds(), st.randoms(use_true_random=False))
def test_any_k_of_n_restore_the_key(key: bytes, kind: tuple[int, int], chance: random.Random) -> None:
    threshold, count = kind
    shares = [escrow.read(share.text()) for share in escrow.split(key, threshold, count)]
    assert escrow.joined(chance.sample(shares, threshold)) == key
    assert escrow.joined(shares) == key
    with pytest.raises(BadRequestData, match="are needed"):
        escrow.joined(chance.sample(shares, threshold - 1))


@given(keys, keys)
def test_fewer_shares_fit_any_key(key: bytes, other: bytes) -> None:
    """One share of two says nothing: for every key there is a second share that fits it."""
    share = escrow.split(key, 2, 2)[0]
    for start in (0, 16):
        first, wanted = share.data[start : start + 16], other[start : start + 16]
        # a line through (0, wanted) and (1, first) has a value at 2
        assert Shamir.combine([(1, first), (2, _line(wanted, first))]) == wanted


def _line(at_0: bytes, at_1: bytes) -> bytes:
    """Give the value at 2 of the line through two points: at_0 + 2 (at_1 - at_0) in GF(2^128)."""
    slope = int.from_bytes(at_0, "big") ^ int.from_bytes(at_1, "big")
    doubled = slope << 1
    if doubled >> 128:
        doubled ^= (1 << 128) | 0x87
    return (doubled ^ int.from_bytes(at_0, "big")).to_bytes(16, "big")


@given(keys, st.data())
def test_a_wrong_character_is_noticed(key: bytes, data: st.DataObject) -> None:
    text = escrow.split(key, 2, 3)[0].text()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-").filter(lambda c: c != text[place])
    )
    with pytest.raises(BadRequestData):
        escrow.read(text[:place] + letter + text[place + 1 :])


@given(st.text(max_size=80))
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData):
        escrow.read(text)


def test_a_share_may_be_typed_in_small_letters_and_with_blanks() -> None:
    share = escrow.split(bytes(32), 2, 3)[1]
    text = share.text().lower()
    assert escrow.read(f" {text[:20]} {text[20:40]}\n{text[40:]}\n") == share


def test_shares_of_two_keys_or_two_times_do_not_mix() -> None:
    one, other, again = (escrow.split(key, 2, 3) for key in (bytes(32), b"\x01" * 32, bytes(32)))
    with pytest.raises(BadRequestData, match="of one key"):
        escrow.joined([one[0], other[1]])
    with pytest.raises(BadRequestData, match="different times"):
        escrow.joined([one[0], again[1]])
    with pytest.raises(BadRequestData, match="are needed"):
        escrow.joined([one[0], one[0]])


@pytest.mark.parametrize(("threshold", "count"), [(1, 3), (0, 0), (4, 3), (2, 51), (-1, 5)])
def test_a_kind_of_sharing_that_makes_no_sense_is_refused(threshold: int, count: int) -> None:
    with pytest.raises(BadRequestData):
        escrow.split(bytes(32), threshold, count)


def test_a_share_shows_nothing_in_its_representation() -> None:
    assert "data" not in repr(Share("k", 2, 3, 1, b"secret"))


@pytest.mark.skipif(not shutil.which("ssss-combine"), reason="ssss is not there")
def test_another_implementation_of_the_scheme_restores_what_the_library_shared() -> None:
    shares = Shamir.split(2, 3, bytes(range(16)), ssss=True)
    lines = "".join(f"{number}-{data.hex()}\n" for number, data in shares[:2])
    found = subprocess.run(
        ["ssss-combine", "-t", "2", "-x", "-D", "-q"],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bytes(range(16)).hex() in found.stderr + found.stdout
