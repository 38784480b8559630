"""Sends requests to context sources over HTTP and reads what they answer. (4.3.6.5, 4.3.6.6, 6.3.17)"""

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from base.egress import AddressPolicy, connector
from base.errors import BadGateway, GatewayTimeout
from broker.federation import via
from broker.federation.asking import Asking, Directed, Failure, Outcome
from broker.settings import BrokerSettings

REL = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


class Sender:
    """Asks one source at a time; an answer that does not come or cannot be used is told as a failure."""

    def __init__(self, settings: BrokerSettings, policy: AddressPolicy, alias: str) -> None:
        self._settings = settings
        self._alias = alias
        self._session = ClientSession(connector=connector(policy, limit=0), cookie_jar=DummyCookieJar())

    async def send(self, asking: Asking, directed: Directed) -> Outcome:
        """Send a request and give what came of it."""
        source, request = directed.source, directed.request
        url = f"{source.body['endpoint'].rstrip('/')}/ngsi-ld/v1{request.path}"
        headers = {
            "Via": via.extended(asking.via, self._alias),
            "Link": f"<{asking.context.link}>; {REL}",
            **request.headers,
        }
        if "tenant" in source.body:
            headers["NGSILD-Tenant"] = source.body["tenant"]
        data = None if request.body is None else orjson.dumps(request.body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                request.method,
                url,
                params=dict(request.params),
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=ClientTimeout(total=5.0),
            ) as response:
                raw = await response.read()
                body = orjson.loads(raw) if raw else None
                return Outcome(source, response.status, body, dict(response.headers))
        except TimeoutError:
            problem = GatewayTimeout("The context source did not answer in time.")
            return Outcome(source, failure=Failure(problem, 199))
        except (ClientError, OSError, ValueError):
            gone = BadGateway("The context source could not be reached or gave no usable answer.")
            return Outcome(source, failure=Failure(gone, 111))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
