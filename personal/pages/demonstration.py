"""Logging in as anybody, where everybody is made up."""

from aiohttp import web

from base import clock
from base.errors import ResourceNotFound
from personal.api.callers import holder_of
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor, keep_login


async def log_in(desk: Desk, visitor: Visitor, kind: str, target: str) -> web.Response:
    """Log somebody in where everybody is made up; a form that came before their login goes on."""
    if not desk.module.settings.demo:
        raise ResourceNotFound("There is no such thing here.")
    town = desk.module.towns.get(visitor.given("town"))
    if town is None:
        raise ResourceNotFound("There is no such municipality here.")
    nobody = Visitor(visitor.request, visitor.language, town)
    made = await desk.ask(nobody, "POST", "/demo/sessions", {kind: visitor.given("login")})
    actor = await holder_of(made["token"], town, desk.module.settings, clock.now())
    path = desk.resume(visitor, town, actor)
    response = desk.back(visitor, path or target)
    if path:
        response.set_status(307)  # the form that was kept goes along
    keep_login(visitor.request, response, town.id, made["token"])
    return response
