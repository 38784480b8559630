"""A module that is killed while it takes a file over: nothing is lost or doubled when the file is imported again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from personal import towns
from personal.store.town import TownStore
from tests.personal.live import YABU
from tests.ports import free_port

LINES = 400
SECONDS = 30


def engawa(*words: str, **more: Any) -> subprocess.Popen[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("ENGAWA_")}
    return subprocess.Popen([sys.executable, "-m", "engawa", *words], text=True, env=environment, **more)


def started(data: Path) -> subprocess.Popen[str]:
    """Start the module and wait for its admin socket."""
    (data / "admin.sock").unlink(missing_ok=True)
    module = engawa(
        "run", "personal", "--data", str(data), "--port", str(free_port()), stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + SECONDS
    while not (data / "admin.sock").exists():
        assert module.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    return module


def imported(data: Path, file: Path) -> dict[str, Any] | None:
    command = engawa("residents", "import", str(file), "--data", str(data), "--json", stdout=subprocess.PIPE)
    told, _ = command.communicate(timeout=SECONDS)
    if command.returncode != 0:
        return None
    counted: dict[str, Any] = json.loads(told)
    return counted


def grown(data: Path) -> int:
    """Say how much the database's log has been written."""
    log = data / "yabu" / "personal.db-wal"
    return log.stat().st_size if log.exists() else 0


@pytest.mark.kill
def test_an_import_that_was_cut_is_done_again_without_doubling(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "residents.jsonl"
    data.mkdir(mode=0o700)
    towns.add(data, YABU)
    basic = {
        "name": "養父 花子",
        "nameKana": "ヤブ ハナコ",
        "address": "養父市",
        "birthDate": "1990-04-01",
        "sex": "female",
    }
    rows = [{"municipalId": str(number), "items": {"basic-four": basic}} for number in range(LINES)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    module = started(data)
    try:
        before = grown(data)
        cut = engawa("residents", "import", str(file), "--data", str(data), stderr=subprocess.DEVNULL)
        end = time.monotonic() + SECONDS
        while grown(data) < before + 300_000 and cut.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        module.send_signal(signal.SIGKILL)
        cut.wait(SECONDS)
        module.wait(SECONDS)
        module = started(data)
        told = imported(data, file)
        assert told is not None
        assert (told["created"] + told["unchanged"], told["changed"], told["refused"]) == (LINES, 0, 0)
        again = imported(data, file)
        assert again is not None
        assert again["unchanged"] == LINES
    finally:
        module.kill()
        module.wait(SECONDS)
    store = TownStore(data / "yabu")
    entries = store.read(lambda db: [row[0] for row in db.execute("SELECT entry FROM leaf")])
    people = store.read(lambda db: db.execute("SELECT count(*) FROM person").get)
    created = [entry for entry in map(json.loads, entries) if entry.get("outcome") == "created"]
    assert (people, len(created)) == (LINES, LINES)
