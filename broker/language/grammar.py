"""The grammar of the NGSI-LD Query Language, read by recursive descent. (4.9)"""

from broker.language.tree import Node
from broker.language.types import Names


def read(
    text: str, table: Names, expand_values: frozenset[str], json_keys: frozenset[str], most_terms: int
) -> Node:
    """Read a query into its tree. (4.9)"""
    raise NotImplementedError
