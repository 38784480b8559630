"""The certified npm oidc-provider in a process of its own, for tests; those are skipped where it is not installed."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / "node_modules" / "oidc-provider"
PATIENCE = 30

needs_provider = pytest.mark.skipif(
    shutil.which("node") is None or not INSTALLED.is_dir(),
    reason="needs node and the npm module oidc-provider",
)


@dataclass(frozen=True)
class Certified:
    """A running provider."""

    issuer: str


@contextlib.asynccontextmanager
async def certified(port: int, module: str, name: str) -> AsyncIterator[Certified]:
    """Run the provider until the block ends, for a module at a URL that knows it by a name."""
    told = {
        "port": port,
        "client": "yabu",
        "redirect": f"{module}/login/oidc/callback/{name}",
        "jwks": f"{module}/login/oidc/jwks",
        "backchannel": f"{module}/login/oidc/backchannel",
        "goodbye": f"{module}/login/oidc/goodbye/{name}",
    }
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "provider.mjs"), json.dumps(told), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        assert line == b"ready\n", line
        yield Certified(f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.wait()
