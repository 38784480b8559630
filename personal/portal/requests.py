"""What waits for a decision, with what changed since one agreed."""

from aiohttp import web

from personal.pages.visitor import Visitor
from personal.portal.section import Section
from personal.portal.standing import waiting


class RequestPages(Section):
    """Requests of services, renewals, what ends soon."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._shown("/requests", self.show)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all that waits for the visitor."""
        consents = await self._ask(visitor, "GET", "/me/consents")
        found = waiting(consents, visitor.language)
        return self._render(visitor, "my_requests.html", waiting=found)
