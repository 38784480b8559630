"""Which changes of an entity a caller may make. (docs/access.md)

A rule is run on what the caller may see or write; what is hidden stays as it is, and neither helps nor hinders. So an
answer tells of hidden things no more than that an id is taken.
"""

from collections.abc import Iterable

from orjson import dumps

from base.access import Caller
from broker.access.rights import TYPE, Rights, refused
from broker.language.visibility import EVERY_ATTRIBUTE, NO_ATTRIBUTES, Attributes
from broker.model import merge
from broker.model.document import SCOPE, Document
from broker.store.contract import Rule


def guarded(rule: Rule, rights: Rights, caller: Caller) -> Rule:
    """Make a rule of one that does no more than the caller may."""
    if rights.writing is None and rights.reading is None:
        return rule

    def allowed(current: Document | None) -> Document | None:
        known = None if current is None else _known(current, rights)
        after = rule(known)
        if after is known:
            return current
        _check(known, after, rights, caller)
        if known is not None and after is not None:
            check_move(known, after, rights, caller)
        if known is None and current is not None:
            if after is None:
                return current
            merge.create(current, after)  # it refuses: an id that is taken cannot be hidden
        return (
            after if known is current or after is None or current is None else _whole(current, known, after)
        )

    return allowed


def _known(current: Document, rights: Rights) -> Document | None:
    """Give what may be seen or written of an entity."""
    allowed = reached(current, rights)
    if allowed is None or allowed.every:
        return None if allowed is None else current
    return {**current, "attrs": {iri: held for iri, held in current["attrs"].items() if iri in allowed}}


def reached(document: Document, rights: Rights) -> Attributes | None:
    """Say which attributes of an entity may be seen or written; None: it may neither be seen nor written."""
    read = EVERY_ATTRIBUTE if rights.reading is None else rights.reading.attributes(document)
    written = EVERY_ATTRIBUTE if rights.writing is None else rights.writing.covered(document)
    if read is None and written is None:
        return None
    return (read or NO_ATTRIBUTES).joined(written or NO_ATTRIBUTES)


def _whole(current: Document, known: Document | None, after: Document) -> Document:
    """Put back what was hidden; an attribute that was both hidden and written was refused before."""
    shown = known["attrs"] if known else {}
    hidden = {iri: held for iri, held in current["attrs"].items() if iri not in shown}
    return {**after, "attrs": {**hidden, **after["attrs"]}} if hidden else after


def _check(before: Document | None, after: Document | None, rights: Rights, caller: Caller) -> None:
    """Refuse a change that goes beyond what may be written, before or after it."""
    if rights.writing is None:
        return
    allowed = EVERY_ATTRIBUTE
    for document, what in ((before, "change" if after else "delete"), (after, "write")):
        if document is not None:
            covered = rights.writing.covered(document)
            if covered is None:
                raise refused(caller, f"{what} an entity of these types in these scopes")
            allowed = allowed.shared(covered)
    if after is None:
        if not allowed.every:
            raise refused(caller, "delete an entity with attributes of which you may not write all")
    elif before is None:
        check_attributes(after["attrs"].keys(), allowed, caller)
    else:
        _check_members(before, after, allowed, caller)


def check_move(before: Document, after: Document, rights: Rights, caller: Caller) -> None:
    """Refuse other types or scopes in which the caller would reach attributes that were out of reach before."""
    if set(before["type"]) == set(after["type"]) and before.get("scope") == after.get("scope"):
        return
    now, then = reached(after, rights), reached(before, rights)
    if now is not None and then is not None and not now.within(then):
        raise refused(caller, "give an entity types or scopes in which you may reach more of it than now")


def _check_members(before: Document, after: Document, allowed: Attributes, caller: Caller) -> None:
    old, new = before["attrs"], after["attrs"]
    changed = {iri for iri in old.keys() | new.keys() if old.get(iri) is not new.get(iri)}
    # as text: to Python, true is 1
    check_attributes({iri for iri in changed if dumps(old.get(iri)) != dumps(new.get(iri))}, allowed, caller)
    if set(before["type"]) != set(after["type"]) and TYPE not in allowed:
        raise refused(caller, "change the types of this entity")
    if before.get("scope") != after.get("scope") and SCOPE not in allowed:
        raise refused(caller, "change the scope of this entity")
    if before.get("expiresAt") != after.get("expiresAt") and not allowed.every:
        raise refused(caller, "let an entity expire with attributes of which you may not write all")


def check_attributes(written: Iterable[str], allowed: Attributes, caller: Caller) -> None:
    """Refuse to write attributes that may not be written."""
    beyond = sorted(iri for iri in written if iri not in allowed)
    if beyond:
        raise refused(caller, f"write {beyond[0][:200]}")
