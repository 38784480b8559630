"""`engawa load` says who writes, where the broker asks for it."""

import asyncio
from pathlib import Path

from click.testing import CliRunner

from broker.load.command import load
from tests.live import live_broker

FILES = Path(__file__).parent / "files"


async def test_sends_a_key(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", audit=tmp_path / "audit.jsonl") as live:
        assert live.broker.doors.keys is not None
        key, _ = await live.broker.doors.keys.add("importer", [], None, 1)
        source = next(path for path in sorted(FILES.iterdir()) if path.suffix == ".csv")
        words = ["shelters", str(source), "--broker", live.url]
        words += ["--rejects", str(tmp_path / "rejects.csv")]
        done = await asyncio.to_thread(CliRunner(env={"ENGAWA_KEY": key}).invoke, load, words)
        assert done.exit_code == 0, done.output
        assert key not in done.output
        assert live.broker.doors.audit is not None
        await live.broker.doors.audit.flush()
    assert '"caller":"importer"' in (tmp_path / "audit.jsonl").read_text()
