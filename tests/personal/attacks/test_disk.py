"""What somebody finds who carries the disk away. (issue 5: crypto-shredding; SQLite secure_delete)"""

import contextlib
import resource
import stat
from pathlib import Path

import pytest

from base import files
from tests.personal.disclosure import sharing
from tests.personal.live import YABU, Live, live_module

SAID = "ひみつのことば"
NUMBER = "079-662-1234"
BORN = "1990-04-01"
CARD = "ZZ-99-CARD"


def holding(folder: Path, *wanted: bytes) -> list[str]:
    """Name the files in which any of these bytes stand."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    return [one.name for one in files if any(some in one.read_bytes() for some in wanted)]


async def lived(live: Live) -> str:
    """Have a resident write and be written about in every way; give the handle for the privacy officer."""
    person = await live.register("hanako", cards=[{"issuer": "jpki", "serial": CARD}])
    await sharing.hold(live, person, contact={"phones": [{"number": NUMBER, "kind": "home"}]})
    me, counter, privacy = (
        await live.resident("hanako"),
        await live.staff("counter"),
        await live.staff("privacy"),
    )
    asked = await live.post("/me/rights", {"right": "stop", "text": SAID}, by=me)
    assert asked.status == 201
    for path in ("/me/items/contact", "/me/export?format=csv", "/me/rights"):
        assert (await live.get(path, by=me)).status == 200
    found = await live.post("/residents/search", {"nameKana": "ヤブ ハナコ", "birthDate": BORN}, by=counter)
    resident = found.json["residents"][0]["resident"]
    moved = await live.post("/residents/events", {"resident": resident, "event": "moved"}, by=counter)
    assert moved.status == 204
    handle: str = (await live.get("/rights", by=privacy)).json["requests"][0]["resident"]
    return handle


async def test_no_word_of_a_resident_is_on_the_disk_and_nothing_of_the_forgotten(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in databases, their logs and free pages, nor in the log of the process; not even whom the log tells of."""
    data = tmp_path / "data"
    words = [word.encode() for word in (SAID, NUMBER, BORN, CARD, "ヤブ ハナコ", "ヤブハナコ", "hanako")]
    async with live_module(data) as live:
        resident = await lived(live)
        assert holding(data, *words) == []
        person = await live.person("hanako")
        openings = "SELECT salt FROM opening WHERE person = ?"
        kept = [salt for (salt,) in live.town.store.read(lambda db: list(db.execute(openings, (person,))))]
        kept.append(live.town.store.read(lambda db: db.execute("SELECT words FROM rights_request").get))
        assert len(kept) > 5 and holding(data, *kept)
        done = await live.post("/records/forget", {"resident": resident}, by=await live.staff("privacy"))
        assert done.status == 200, done.raw
        assert holding(data, *kept, *words) == []
    assert holding(data, *kept, *words) == []
    said = "".join(capfd.readouterr())
    assert not any(word.decode() in said for word in words)


async def test_only_its_owner_reads_any_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with live_module(data) as live:
        await lived(live)
        for one in (data, data / YABU.id, *data.rglob("*")):
            mode = one.lstat().st_mode
            assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), one


def test_a_process_that_breaks_leaves_no_image_of_its_memory() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        files.leave_no_core()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    finally:
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, before)
