"""The whole life of a resident in a browser, in both languages, on phone and desk, with and without JavaScript: all eight."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from adapters.desk.emulator import cards
from engawa.demo.desk import people
from tests.personal.life.browsers import ALL, PAIRS, Reader
from tests.personal.life.test_life import lead
from tests.trials import record

TRIAL = "lives"


def main() -> None:
    """Run it and record it."""
    load, began = os.getloadavg()[0], time.monotonic()
    for readers in (PAIRS, tuple(one for one in ALL if one not in PAIRS)):
        asyncio.run(_led(readers))
    took = time.monotonic() - began
    told = ", ".join(f"({one})" for one in ALL)
    record(
        TRIAL,
        "registration by card, login, consent to part signed by the card, disclosure of exactly that, history, "
        f"withdrawal, refusal, export, erasure, clicked through by {len(ALL)} readers: {told}; "
        f"{took:.0f} s; load before {load:.1f}",
    )


async def _led(readers: tuple[Reader, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cards.issue(folder / "cards", people(), cards.now())
        issued = {one.blueprint.id: one for one in cards.present(folder / "cards")}
        await lead(folder, folder / "cards", issued, readers)


if __name__ == "__main__":
    main()
