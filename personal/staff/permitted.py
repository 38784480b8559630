"""Pages that only show a form: they are for whoever may do what it is sent to."""

from base.errors import NotPermitted
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor


def demand(desk: Desk, visitor: Visitor, method: str, path: str) -> None:
    """Refuse a visitor who may not do an operation."""
    if not desk.may(visitor, method, path):
        raise NotPermitted("Your roles do not let you do this.")
