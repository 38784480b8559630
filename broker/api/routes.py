"""Which operation a request means: a tree of path segments built once from the table. (6.2)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from base.errors import BadRequestData, MethodNotAllowed, ResourceNotFound
from broker.api.options import allow
from broker.operations.call import Operation

ROOT = ("", "ngsi-ld", "v1")


@dataclass(slots=True)
class _Node:
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    name: str = ""
    methods: dict[str, Operation] = field(default_factory=dict)


class Routes:
    """The operations by path and method."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._top = _Node()
        for operation in operations:
            methods = self._node(operation.path).methods
            methods[operation.method] = operation
            if operation.method == "GET":
                methods["HEAD"] = operation  # the front leaves out the body (RFC 9110 9.3.2)

    def _node(self, path: str) -> _Node:
        node = self._top
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                node.variable = node.variable or _Node(name=part[1:-1])
                node = node.variable
            else:
                node = node.fixed.setdefault(part, _Node())
        return node

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Operation, dict[str, str]]:
        """Find the operation and the path's variables; 404 for an unknown path, 405 for an unknown method. (6.3.2)"""
        node, variables = self._resource(segments)
        operation = node.methods.get(method)
        if operation is None:
            _refuse(node)
        for name, value in variables.items():
            if not value:
                raise BadRequestData(f"The path lacks {name}; give it as a segment of the URL.")
        return operation, variables

    def offered(self, segments: tuple[str, ...]) -> Mapping[str, Operation]:
        """Give the operations of a resource by method; 404 for an unknown path."""
        node, _ = self._resource(segments)
        if not node.methods:
            _refuse(node)
        return node.methods

    def _resource(self, segments: tuple[str, ...]) -> tuple[_Node, dict[str, str]]:
        if segments[:3] != ROOT or len(segments) == 3:
            raise ResourceNotFound("There is no such resource; NGSI-LD begins at /ngsi-ld/v1.")
        return self._walk(segments[3:])

    def _walk(self, parts: tuple[str, ...]) -> tuple[_Node, dict[str, str]]:
        node = self._top
        variables: dict[str, str] = {}
        for index, part in enumerate(parts):
            if not part and index == len(parts) - 1 and node.methods:
                break  # the specification writes collections with and without a slash at the end
            following = node.fixed.get(part) or node.variable
            if following is None:
                raise ResourceNotFound("There is no such resource below /ngsi-ld/v1.")
            if following is node.variable:
                variables[following.name] = part
            node = following
        return node, variables


def _refuse(node: _Node) -> NoReturn:
    if not node.methods:
        raise ResourceNotFound("There is no such resource below /ngsi-ld/v1.")
    allowed = allow(node.methods)
    raise MethodNotAllowed(f"This resource allows {allowed}.", headers={"Allow": allowed})
