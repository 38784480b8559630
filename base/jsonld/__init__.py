"""JSON-LD @contexts as term tables: a context is processed once, names are then looked up. (DESIGN 2.2)"""

from base.jsonld.process import Core, core_of, table_of
from base.jsonld.shape import elements, flatten
from base.jsonld.table import Context, Definition, TermTable

__all__ = ["Context", "Core", "Definition", "TermTable", "core_of", "elements", "flatten", "table_of"]
