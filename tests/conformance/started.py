"""Our broker as a process of its own, as a tester would meet it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.ports import free_port


@contextlib.asynccontextmanager
async def started_broker(folder: Path, *words: str) -> AsyncIterator[str]:
    """Run `engawa run broker` on a free port until the block ends; give its URL."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGAWA_")}
    log = folder / "broker.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engawa", "run", "broker", "--port", str(port), "--data", str(folder / "data")),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
        )  # fmt: skip
    try:
        async with asyncio.timeout(120):
            while not await _answers(port):
                assert process.returncode is None, log.read_text(encoding="utf-8")
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(120):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
