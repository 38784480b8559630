"""Logging in as anybody, where everybody is made up."""

from dataclasses import replace

from aiohttp import web

from base.errors import ResourceNotFound
from personal.api.front import throttle
from personal.operations.actors import NOBODY
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor, browser, keep_login, safe_next


async def log_in(desk: Desk, visitor: Visitor, kind: str, target: str) -> web.Response:
    """Log somebody in where everybody is made up; a form that came before their login goes on."""
    if not desk.module.settings.demo:
        raise ResourceNotFound("There is no such thing here.")
    throttle(desk.module, visitor.request)
    town = desk.module.towns.get(visitor.given("town"))
    if town is None:
        raise ResourceNotFound("There is no such municipality here.")
    here = visitor if visitor.town is town else replace(visitor, town=town, actor=NOBODY, secret="")
    level = {"level": int(given)} if (given := visitor.given("level")) in ("1", "2", "3") else {}
    body = {kind: visitor.given("login"), "browser": browser(visitor.request), **level}
    made = await desk.ask(here, "POST", "/demo/sessions", body)
    response = desk.back(visitor, safe_next(visitor.given("next"), target))
    keep_login(visitor.request, response, town.id, made["token"])
    return response
