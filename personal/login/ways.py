"""In which ways one can log in here: each part that has some adds them in personal/table/logins.py."""

from personal.operations.call import Module
from personal.operations.tables import Way
from personal.operations.town import Town


def ways(module: Module, town: Town, *, staff: bool = False, terminal: bool = False) -> tuple[Way, ...]:
    """List the ways for residents or staff, the surest first; those of a terminal only where there is one."""
    found = [way for source in module.ways for way in source(module, town)]
    fitting = [way for way in found if way.staff is staff and (terminal or not way.terminal)]
    return tuple(sorted(fitting, key=lambda way: -way.level))
