"""What happened in emergencies, what the town keeps for all, and links with other municipalities."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

LINKS: Final = ME + "/links"


class EmergencyPages(Section):
    """Emergencies by which something about the resident went out."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._shown("/emergencies", self.show)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show each emergency that concerned the visitor, with who received what."""
        found = (await self._ask(visitor, "GET", "/me/emergencies"))["emergencies"]
        return self._render(visitor, "my_emergencies.html", found=found, **await self._names(visitor))


class FilePages(Section):
    """The register of personal-information files, as every resident may read it. (個人情報保護法75条)"""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._shown("/files", self.show), self._shown("/files/file", self.give)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show which files the municipality keeps here, what is in them, and who uses them for what."""
        found = await self._ask(visitor, "GET", "/reports/personal-files")
        return self._render(visitor, "my_files.html", register=found)

    async def give(self, visitor: Visitor) -> web.Response:
        """Give the register as a table for software."""
        body = await self._ask(visitor, "GET", "/reports/personal-files", params={"format": "csv"})
        return self._desk.file(body, "personal-files.csv", "text/csv; charset=utf-8")


class LinkPages(Section):
    """Links with one's entries in other municipalities."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/links", self.show),
            self._sent("/links", self.begin, page=self.show, shows=True),
            self._sent("/links/finish", self.finish, page=self.show),
            self._sent("/links/{peer}/end", self.end, page=self.show),
        ]

    async def show(self, visitor: Visitor, made: Any = None) -> web.Response:
        """Show the links, and the ways to make one."""
        links = (await self._ask(visitor, "GET", "/me/exchange/links"))["links"]
        peers = (await self._ask(visitor, "GET", "/exchange/peers"))["peers"]
        names = {one["peer"]: one["name"] for one in peers}
        return self._render(visitor, "my_links.html", links=links, peers=peers, names=names, made=made)

    async def begin(self, visitor: Visitor) -> web.Response:
        """Make a code to be entered in the other municipality, and show it, once."""
        made = await self._ask(visitor, "POST", "/me/exchange/links", visitor.chosen("peer"))
        return await self.show(visitor, made)

    async def finish(self, visitor: Visitor) -> web.Response:
        """Link by the code that the other municipality gave."""
        await self._ask(visitor, "POST", "/me/exchange/links/finish", visitor.chosen("peer", "code"))
        return self._desk.back(visitor, LINKS, "my_linked")

    async def end(self, visitor: Visitor) -> web.Response:
        """End a link."""
        within = {"peer": visitor.request.match_info["peer"]}
        await self._ask(visitor, "DELETE", "/me/exchange/links/{peer}", within=within)
        return self._desk.back(visitor, LINKS, "my_unlinked")
