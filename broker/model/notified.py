"""Reading an entity as a source tells of it: with system members, deletions and what was before. (5.3.1, 5.8.6, 4.8)"""

from typing import Any

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import expand, told
from broker.model.document import NULL, PREVIOUS_MEMBER, Document, Instance
from broker.model.instance import Reader
from broker.model.member import VALUE


def read(body: Any, table: TermTable, now: int) -> Document:
    """Read an entity in the normalized form; what it does not say of times is now. (5.2.4)"""
    document = expand.fragment(body, table, now, nulls=True)
    if "id" not in document or "type" not in document:
        raise BadRequestData("An entity in a notification needs id and type.")
    for name in ("scope", "expiresAt"):
        if document.get(name) == NULL:
            del document[name]
    document["createdAt"] = now
    told.take_times(document, body)
    told.take_times_of_attributes(document["attrs"], body, table)
    _take_previous(document["attrs"], body, Reader(table, now, nulls=True))
    return document


def _take_previous(attributes: dict[str, list[Instance]], body: dict[str, Any], reader: Reader) -> None:
    """Add to instances what was before them; input leaves it out. (5.2.14, showChanges)"""
    for name, given in body.items():
        instances = attributes.get(reader.iri(name), ())
        several = given if isinstance(given, list) and len(given) == len(instances) else [given]
        for instance, one in zip(instances, several, strict=False):
            previous = PREVIOUS_MEMBER[instance["type"]]
            if isinstance(one, dict) and previous in one:
                instance[previous] = VALUE[instance["type"]](reader, name, one[previous])
