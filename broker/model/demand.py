"""What a tenant demands of its entities: that those of a type satisfy a JSON Schema. (docs/schemas.md)"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

import schemas.catalogue as models
from base.errors import BadRequestData, ResourceNotFound
from base.jsonld import TermTable, core_of, table_of
from broker.model import represent
from broker.model.document import Document
from broker.model.represent import Representation
from broker.model.validate import is_uri
from schemas import core_contexts

MOST_TOLD: Final = 10
LONGEST_RULE: Final = 160
_SIMPLIFIED: Final = Representation(format="simplified")


class Demands:
    """Which schema entities of which type must satisfy: IRI of the type → name of the schema."""

    def __init__(self, schemas: Mapping[str, str]) -> None:
        self.schemas = dict(schemas)
        self._validators = {type_: _validator(name) for type_, name in self.schemas.items()}

    def check(self, document: Document) -> None:
        """Refuse an entity that does not satisfy what is demanded of its types; BadRequestData names the rules."""
        for type_ in document["type"]:
            if type_ in self._validators:
                _check(document, self.schemas[type_], self._validators[type_])


def type_of(name: str) -> str:
    """Give the IRI of a type that is named as in the city's @context, or by its IRI."""
    iri = models.context().get(name) or name
    if not is_uri(iri):
        raise BadRequestData(f"The type {name[:80]} is none of the city's @context; give its IRI.")
    return iri


def schema_of(name: str) -> str:
    """Give the name of a schema that is there."""
    if name not in models.names():
        raise ResourceNotFound(f"There is no schema {name[:80]}; there are: {', '.join(models.names())}.")
    return name


@cache
def _table() -> TermTable:
    """Give the names the schemas are written in."""
    core = core_of(core_contexts.document()["@context"])
    return table_of(core, [dict(models.context())])


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(models.schema(schema_of(name)))


def _check(document: Document, schema: str, validator: Draft202012Validator) -> None:
    broken: dict[tuple[str, str], None] = {}
    for form in _forms(document, schema):
        for error in validator.iter_errors(form):
            broken.update(dict.fromkeys(_rules(error, form)))
    if broken:
        told = list(broken)[:MOST_TOLD]
        listed = "; ".join(
            f"attribute '{name}' breaks {rule}" if name else f"it breaks {rule}" for name, rule in told
        )
        raise BadRequestData(
            f"Entity {document['id']} does not satisfy the schema {schema}, which this tenant demands: {listed}.",
            broken=[{"attribute": name, "rule": rule} for name, rule in told],
        )


def _forms(document: Document, schema: str) -> Iterator[dict[str, Any]]:
    """Give the simplified representation: of the first instances, then of each further one in its place. (4.5.4)"""
    attrs = document["attrs"]
    first = {name: held[:1] for name, held in attrs.items()}
    yield _form({**document, "attrs": first}, schema)
    for name, held in attrs.items():
        for further in held[1:]:
            yield _form({**document, "attrs": {**first, name: [further]}}, schema)


def _form(document: Document, schema: str) -> dict[str, Any]:
    # an entity of several types is looked at as one of the schema's type
    return {**represent.show(document, _table(), _SIMPLIFIED), "type": schema}


def _rules(error: ValidationError, form: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name the attributes and the rules that an error is about, without what was given."""
    if error.validator in ("anyOf", "oneOf") and not error.absolute_path:
        inner = best_match(error.context or ()) or error
        error = inner if inner.validator == "required" else error
    if error.validator == "required" and isinstance(error.instance, Mapping):
        at = str(error.absolute_path[0]) if error.absolute_path else ""
        required: Any = error.validator_value
        for name in required:
            if name not in error.instance:
                yield at or name, f"required: {name}" if at else "required"
        return
    name = str(error.absolute_path[0]) if error.absolute_path else ""
    rule = f"{error.validator}: {orjson.dumps(error.validator_value).decode()}"
    yield name, rule if len(rule) <= LONGEST_RULE else str(error.validator)
