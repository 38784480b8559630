"""Conditions: a query tree turned into one function of a document, made once. (4.9)"""

from collections.abc import Callable
from typing import Any, TypeAlias

from broker.language.tree import Node

Condition: TypeAlias = Callable[[dict[str, Any], Callable[[str], dict[str, Any] | None]], bool]


def compiled(tree: Node) -> Condition:
    """Turn a tree into a function of a document and a look-up of linked entities."""
    raise NotImplementedError
