"""The admin socket: a Unix socket in a part's data folder through which commands change the running part.

JSON over HTTP; whoever may open the socket (mode 0600) may do everything, so it never listens on a network.
"""

import contextlib
import io
import os
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from base.errors import Problem, ResourceNotFound, ServiceUnavailable

NAME = "admin.sock"
MODE = 0o600

MOST_BYTES = 64 << 20

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Does one thing: named arguments in, a JSON value or an iterator of bytes out; refuses by raising a Problem."""


class NotRunning(ServiceUnavailable):
    """No part listens on the admin socket of a data folder."""


class Refused(Problem):
    """The running part refused what a command asked for."""


@contextlib.asynccontextmanager
async def serve(folder: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[Path]:
    """Listen on the admin socket of a data folder while the block runs."""
    runner = web.AppRunner(_app(handlers), access_log=None)
    await runner.setup()
    with _short(folder) as path:
        listener = _bind(path)
        try:
            await web.SockSite(runner, listener).start()
            yield folder / NAME
        finally:
            await runner.cleanup()
            listener.close()
            path.unlink(missing_ok=True)


async def ask_for_bytes(folder: Path, name: str, /, **arguments: Any) -> AsyncIterator[bytes]:
    """Have the part on a data folder give something long, piece by piece."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=600.0)
    with _short(folder) as path:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(path=str(path)), timeout=timeout
                ) as session,
                session.post(f"http://admin/{name}", data=orjson.dumps(arguments)) as answer,
            ):
                if answer.status != 200:
                    raise Refused(orjson.loads(await answer.read())["detail"])
                async for piece in answer.content.iter_any():
                    yield piece
        except aiohttp.ClientPayloadError as error:
            raise Refused("the running part broke off; its log says why") from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise NotRunning(
                f"nothing runs on the data folder {folder}: start it, or name its folder with --data"
            ) from error


async def ask(folder: Path, name: str, /, *, seconds: float = 60.0, **arguments: Any) -> Any:
    """Have the part on a data folder do one thing; NotRunning if none runs, Refused if it will not."""
    with _short(folder) as path:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(path=str(path)), timeout=aiohttp.ClientTimeout(seconds)
                ) as session,
                session.post(f"http://admin/{name}", data=io.BytesIO(orjson.dumps(arguments))) as answer,
            ):
                body = orjson.loads(await answer.read())
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise NotRunning(
                f"nothing runs on the data folder {folder}: start it, or name its folder with --data"
            ) from error
    if answer.status != 200:
        raise Refused(body["detail"])
    return body["result"]


def _app(handlers: Mapping[str, Handler]) -> web.Application:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            handler = handlers.get(request.match_info["name"])
            if handler is None:
                raise ResourceNotFound(
                    f"the running part has no '{request.match_info['name']}'; is it an older version?"
                )
            result = await handler(orjson.loads(await request.read()))
        except Problem as problem:
            return _answer(problem.status, problem.body())
        if isinstance(result, AsyncIterator):
            return await _stream(request, result)
        return _answer(200, {"result": result})

    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post("/{name}", handle)
    return app


async def _stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        async for piece in pieces:
            await response.write(piece)
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    await response.write_eof()
    return response


def _answer(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _bind(path: Path) -> socket.socket:
    """Bind with mode 0600 before anyone can connect; a socket left by a killed process is replaced."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            if listener.connect_ex(str(path)) == 0:
                raise ServiceUnavailable(
                    "another process runs on this data folder; stop it or choose another folder"
                )
            path.unlink()
        listener.bind(str(path))
        path.chmod(MODE)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """Give a path of the socket that fits the 107 bytes of a socket address, however deep the folder lies."""
    if len(os.fsencode(folder / NAME)) < 100:
        yield folder / NAME
        return
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        raise NotRunning(f"the data folder {folder} cannot be opened: {error.strerror}") from error
    try:
        yield Path(f"/proc/self/fd/{descriptor}") / NAME
    finally:
        os.close(descriptor)
