"""The pages to which a login goes back with a form that was kept before it."""

from aiohttp import web

from personal.operations.actors import Who
from personal.pages.desk import ME, STAFF, Desk


class ResumePages:
    """Forms that wait for their owners."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ME + "/resumed/{id}", desk.resume, Who.RESIDENT),
            desk.shown(STAFF + "/resumed/{id}", desk.resume),
        ]
