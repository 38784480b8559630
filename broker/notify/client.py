"""What brings a notification to its receiver over HTTP and reads no more of the answer than its status. (6.3.8)"""

import asyncio
from collections.abc import Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from base.egress import AddressPolicy, connector

MOST_READ = 65_536


class Undelivered(Exception):
    """A receiver that was not reached, did not answer in time or did not accept."""


class Client:
    """Posts over kept connections, to addresses the policy allows; follows no redirects, keeps no cookies."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._session = ClientSession(
            connector=connector(policy, limit=0),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "User-Agent"),
        )

    async def post(self, uri: str, headers: Mapping[str, str], body: bytes, seconds: float) -> None:
        """Deliver one body; Undelivered says why it could not be."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.post(
                    URL(uri, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=ClientTimeout(total=None),
                ) as response,
            ):
                await response.content.read(MOST_READ)
                status = response.status
        except TimeoutError as error:
            raise Undelivered(f"no answer within {seconds:g} s") from error
        except (ClientError, OSError, ValueError) as error:
            raise Undelivered(_reason(error)) from error
        if not 200 <= status < 300:
            raise Undelivered(f"answered with status {status}")

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", error)
    return (str(inner) or type(inner).__name__)[:200]
