"""The ways to a receiver: HTTP or MQTT, by the address of its endpoint. (6.3.8, 7.2)"""

import ssl
from pathlib import Path

from base.clock import SECOND
from base.credentials import Credentials
from base.egress import AddressPolicy
from base.errors import BadGateway
from broker.notify.client import Client, Undelivered
from broker.notify.endpoint import RECEIVING
from broker.notify.interest import Endpoint
from broker.notify.mqtt import Publisher
from broker.store.contract import Message


class Delivery:
    """Delivers one message; what it keeps open is shared by all tenants."""

    def __init__(
        self, policy: AddressPolicy, authorities: Path | None, seconds: float, credentials: Credentials
    ) -> None:
        """`authorities`: further certificates to trust; `seconds`: the patience where a subscription has none."""
        self._credentials = credentials
        self._client = Client(policy, authorities)
        self._publisher = Publisher(policy, authorities)
        self._seconds = seconds
        self.delivered = 0
        self.failed = 0

    async def send(self, endpoint: Endpoint, message: Message) -> None:
        """Bring a message to its endpoint; Undelivered says why it could not be. (5.8.6)"""
        try:
            await self._send(endpoint, message)
        except Undelivered:
            self.failed += 1
            raise
        self.delivered += 1

    async def _send(self, endpoint: Endpoint, message: Message) -> None:
        seconds = self._seconds if endpoint.timeout is None else endpoint.timeout / SECOND
        if endpoint.mqtt is None:
            try:
                headers = self._credentials.revealed(message.headers, endpoint.uri)
                shown = self._shown(endpoint)
            except BadGateway as problem:
                raise Undelivered(problem.detail) from problem
            await self._client.post(endpoint.uri, headers, message.body, seconds, shown)
        else:
            await self._publisher.publish(endpoint.mqtt, message.headers, message.body, seconds)

    def _shown(self, endpoint: Endpoint) -> ssl.SSLContext | None:
        """Choose the certificate to show: the one that is named, else to a neighbour the one meant for it.

        Elsewhere none is shown unasked: whoever may subscribe chooses the address, and would act in our name there."""
        if endpoint.certificate is not None:
            self._credentials.renew()
            return self._credentials.certificate(endpoint.certificate, endpoint.uri)
        if not endpoint.uri.startswith("https://") or not endpoint.uri.endswith(RECEIVING):
            return None
        self._credentials.renew()
        return self._credentials.certificate_for(endpoint.uri)

    async def close(self) -> None:
        """Close all connections."""
        self._publisher.close()
        await self._client.close()
