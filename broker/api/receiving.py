"""The resource where sources bring notifications about subscriptions that were passed on to them. (5.8.6, 6.3.8)"""

import structlog
from aiohttp import web

from base import clock
from base.errors import InternalError, Problem
from broker.api import body as bodies
from broker.api import request as heads
from broker.api.front import refused
from broker.api.resources import Handler
from broker.notify.endpoint import RECEIVING
from broker.operations.call import Broker
from broker.operations.distributed_subscriptions import take_notification

log = structlog.get_logger("engawa.broker")


def routes(broker: Broker) -> list[web.RouteDef]:
    """Give the route; it asks for no credentials, since the identifier of the copy is one."""
    return [web.post(RECEIVING, _receive(broker))]


def _receive(broker: Broker) -> Handler:
    settings = broker.settings

    async def receive(request: web.Request) -> web.Response:
        try:
            kind = heads.content_type(request.headers.get("Content-Type"), False)
            body = await bodies.read(request, kind, settings.body_bytes, settings.nesting)
            link = heads.context_link(heads.joined(request.headers).get("Link"))
            source = bodies.embedded_context(body, kind, link)
            await take_notification(broker, body, source, clock.now())
        except Problem as problem:
            return refused(problem)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            log.exception("a notification of a source could not be taken")
            return refused(InternalError("Something failed here; sending it again may help."))
        return web.Response()

    return receive
