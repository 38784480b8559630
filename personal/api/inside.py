"""Operations asked within the process, by pages: the same admission and the same checks as over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from base import clock, forms
from base.errors import BadRequestData
from personal.operations.actors import Actor
from personal.operations.assurance import admit
from personal.operations.call import Call, Module, Operation
from personal.operations.town import Town

_NONE: Final[Mapping[str, str]] = {}


class Inside:
    """Asks the operations of the table by their method and path."""

    def __init__(self, module: Module, operations: Sequence[Operation]) -> None:
        self.module = module
        self._rows = {(row.method, row.path): row for row in operations}
        self._validators = {
            key: forms.validator(row.schema) for key, row in self._rows.items() if row.schema is not None
        }

    def knows(self, method: str, path: str) -> bool:
        """Say whether there is such an operation."""
        return (method, path) in self._rows

    def may(self, actor: Actor, method: str, path: str) -> bool:
        """Say whether there is such an operation, and this actor may do it."""
        row = self._rows.get((method, path))
        if row is None or actor.who not in row.who:
            return False
        return not row.roles or bool(row.roles & actor.roles)

    async def ask(
        self,
        town: Town,
        actor: Actor,
        method: str,
        path: str,
        body: Any = None,
        *,
        within: Mapping[str, str] = _NONE,
        params: Mapping[str, str] = _NONE,
    ) -> Any:
        """Do an operation as an actor and give the body of its answer; `within` are the parts of its path."""
        row = self._rows[method, path]
        now = clock.now()
        admit(row, actor, self.module.settings, now)
        validator = self._validators.get((method, path))
        fault = None if validator is None else forms.fault(validator, body)
        if fault is not None:
            raise BadRequestData(fault)
        call = Call(town, actor, within, params, body, now)
        return (await row.run(call, self.module)).body
