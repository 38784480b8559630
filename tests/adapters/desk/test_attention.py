"""Work at the card that is there, comes, leaves and comes back. (card.md §3.4, §3.8)"""

import asyncio
from collections.abc import Mapping

import pytest

from adapters.desk.attention import Attention
from adapters.desk.cards import card
from adapters.desk.cards.channel import Channel, NoCard, Torn
from adapters.desk.emulator.cards import Made
from adapters.desk.emulator.reader import EmulatedReader

DIGEST = bytes(32)


def sign(line: Channel) -> bytes:
    known = card.known(line)
    card.verify(known, bytearray(b"1234"))
    return card.sign(known, DIGEST)


async def test_a_card_that_comes_is_waited_for(issued: Mapping[str, Made]) -> None:
    reader = EmulatedReader()
    async with Attention(reader).paid() as attention:
        with pytest.raises(NoCard):
            await attention.do(sign, 0.05, 0.05)
        task = asyncio.create_task(attention.do(sign, 30.0, 0.05))
        await asyncio.sleep(0)
        reader.hold(issued["hanako"].chip())
        assert len(await task) == 256


async def test_a_card_that_comes_back_in_time_is_begun_anew(issued: Mapping[str, Made]) -> None:
    reader = EmulatedReader(returns=0.1)
    async with Attention(reader).paid() as attention:
        reader.hold(issued["torn"].chip())
        assert len(await attention.do(sign, 30.0, 30.0)) == 256


async def test_a_card_that_stays_away_is_said_to_be_torn_off(issued: Mapping[str, Made]) -> None:
    reader = EmulatedReader(returns=600.0)
    async with Attention(reader).paid() as attention:
        reader.hold(issued["torn"].chip())
        with pytest.raises(Torn):
            await attention.do(sign, 30.0, 0.1)


async def test_a_card_that_is_torn_off_again_and_again_is_given_up(issued: Mapping[str, Made]) -> None:
    reader = EmulatedReader(returns=0.05)
    tries = 0

    def tear(line: Channel) -> None:
        nonlocal tries
        tries += 1
        reader.pull()
        card.known(line)

    async with Attention(reader).paid() as attention:
        reader.hold(issued["hanako"].chip())
        with pytest.raises(Torn):
            await attention.do(tear, 30.0, 30.0)
    assert tries == 3
