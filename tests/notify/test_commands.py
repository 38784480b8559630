"""What a person sees of notifications at the command line. (docs/cli.md)"""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from base import admin
from broker.server import all_handlers
from engawa.command import cli
from tests.live import live_broker
from tests.notify.receiver import Receiver
from tests.notify.test_delivery import until
from tests.notify.test_notifications import create, subscribe, value


async def call(*words: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, cli, words, prog_name="engawa")
    assert result.exit_code == 0, result.output
    return result.output


async def test_lists_and_replays_what_was_given_up(tmp_path: Path, receiver: Receiver) -> None:
    async with (
        live_broker(tmp_path, notify_attempts=1) as live,
        admin.serve(tmp_path, all_handlers(live.broker)),
    ):
        await create(live)
        await subscribe(live, receiver, {"endpoint": {"uri": "mqtt://city:s3cret@127.0.0.1:9/topic"}})

        async def dead(count: int) -> bool:
            return len(live.broker.catalogue.open("").dead_letters(10)) == count

        await value(live, 6)
        await until(lambda: dead(1))
        place = ("--data", str(tmp_path))
        listed = await call("outbox", "dead", "--json", *place)
        (letter,) = json.loads(listed)
        assert letter["endpoint"] == "mqtt://127.0.0.1:9/topic"
        assert "s3cret" not in listed and "s3cret" not in await call("outbox", "dead", *place)
        replayed = await call("outbox", "replay", "--all", *place)  # the broker's log may stand before it
        assert replayed.endswith("1 notification waits for delivery again.\n")
        await value(live, 7)
        await until(lambda: dead(2))
        replayed = await call("outbox", "replay", "--all", *place)
        assert replayed.endswith("2 notifications wait for delivery again.\n")
