"""Services as they describe themselves: what a description must keep to, and how two versions of one differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from base.errors import BadRequestData
from schemas.personal.catalogue import Item

Description = Mapping[str, Any]


class Change(StrEnum):
    """In what two versions of a description differ."""

    OPERATOR = "operator"
    NOTIFY = "notify"  # where it is told of changes
    LOGIN = "login"  # how it uses the common login
    TEXT = "text"  # what it calls itself and its purposes, and how its operator is reached
    PURPOSE = "purpose"
    REGISTERED_PURPOSE = "registered-purpose"
    LEGAL_CLASS = "legal-class"
    BASIS = "basis"
    ITEM = "item"
    NEED = "need"
    RETENTION = "retention"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as before; None is: not there. wider: more is asked, so that consent is needed anew."""

    change: Change
    wider: bool
    purpose: str = ""
    item: str = ""
    before: Any = None
    after: Any = None

    def shown(self) -> dict[str, Any]:
        """Give it as JSON."""
        where = {"purpose": self.purpose, "item": self.item}
        told = {"change": self.change, **{name: text for name, text in where.items() if text}}
        return {**told, "before": self.before, "after": self.after, "wider": self.wider}


def wider(old: Description | None, new: Description) -> bool:
    """Say whether a version asks for anything that the one before did not; the first one does."""
    return old is None or any(difference.wider for difference in differences(old, new))


def differences(old: Description, new: Description) -> tuple[Difference, ...]:
    """List what is not as before, in the order of the new description."""
    return tuple(_differences(old, new))


def check(description: Description, items: Mapping[str, Item]) -> None:
    """Refuse a description that is right by its schema but makes no sense."""
    ids = [purpose["id"] for purpose in description["purposes"]]
    if len(set(ids)) != len(ids):
        raise BadRequestData("Two purposes of the service have the same id.")
    for purpose in description["purposes"]:
        _check_purpose(purpose, items)


def purpose_of(description: Description, id: str) -> Mapping[str, Any] | None:
    """Find a purpose of a description."""
    return next((purpose for purpose in description["purposes"] if purpose["id"] == id), None)


def _check_purpose(purpose: Mapping[str, Any], items: Mapping[str, Item]) -> None:
    where, codes = f"The purpose {purpose['id']}", [asked["item"] for asked in purpose["items"]]
    if len(set(codes)) != len(codes):
        raise BadRequestData(f"{where} asks for an item twice.")
    for code in codes:
        if code not in items:
            raise BadRequestData(f"{where} asks for {code}, which is no item of the catalogue.")
    if purpose["legalClass"] == _PERSONAL:
        return
    if identifying := [code for code in codes if items[code].identifying]:
        raise BadRequestData(
            f"{where} asks for {identifying[0]}, which tells who somebody is: its legal class must be personal."
        )
    if purpose["legalClass"] == "pseudonymized" and any(asked["recipients"] for asked in purpose["items"]):
        raise BadRequestData(
            f"{where} gives pseudonymized data to others, which the law forbids (個人情報保護法 41条6項)."
        )


_PERSONAL: Final = "personal"
CONSENT: Final = "consent"


def _differences(old: Description, new: Description) -> Iterator[Difference]:
    if old["operator"]["name"] != new["operator"]["name"]:
        yield Difference(Change.OPERATOR, True, before=old["operator"]["name"], after=new["operator"]["name"])
    if old.get("notify") != new.get("notify"):
        yield Difference(Change.NOTIFY, False, before=old.get("notify"), after=new.get("notify"))
    if old.get("login") != new.get("login"):
        yield Difference(Change.LOGIN, False, before=old.get("login"), after=new.get("login"))
    if _texts(old) != _texts(new):
        yield Difference(Change.TEXT, False, before=_texts(old), after=_texts(new))
    former = {purpose["id"]: purpose for purpose in old["purposes"]}
    for purpose in new["purposes"]:
        id = purpose["id"]
        if id not in former:
            yield Difference(Change.PURPOSE, True, id, after=purpose["name"])
            continue
        yield from _of_purpose(former[id], purpose)
    present = {purpose["id"] for purpose in new["purposes"]}
    for id, purpose in former.items():
        if id not in present:
            yield Difference(Change.PURPOSE, False, id, before=purpose["name"])


def _texts(description: Description) -> dict[str, Any]:
    operator = {name: description["operator"][name] for name in ("contact", "address")}
    return {**{name: description[name] for name in _TEXTS if name in description}, **operator}


_TEXTS: Final = ("name", "description")


def _of_purpose(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    id = new["id"]
    texts = tuple({name: one[name] for name in _TEXTS if name in one} for one in (old, new))
    if texts[0] != texts[1]:
        yield Difference(Change.TEXT, False, id, before=texts[0], after=texts[1])
    for change, member in _TERMS.items():
        if old[member] != new[member]:
            # what a resident could refuse before and then may again asks for nothing more
            more = not (change is Change.BASIS and new[member] == CONSENT)
            yield Difference(change, more, id, before=old[member], after=new[member])
    former = {asked["item"]: asked for asked in old["items"]}
    for asked in new["items"]:
        item = asked["item"]
        if item not in former:
            yield Difference(Change.ITEM, True, id, item, after=asked["need"])
            continue
        yield from _of_item(id, former[item], asked)
    present = {asked["item"] for asked in new["items"]}
    for item, asked in former.items():
        if item not in present:
            yield Difference(Change.ITEM, False, id, item, before=asked["need"])


_TERMS: Final = {
    Change.REGISTERED_PURPOSE: "registeredPurpose",
    Change.LEGAL_CLASS: "legalClass",
    Change.BASIS: "basis",
}


def _of_item(purpose: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    item = new["item"]
    if old["need"] != new["need"]:
        yield Difference(
            Change.NEED, new["need"] == "required", purpose, item, before=old["need"], after=new["need"]
        )
    before, after = old["retentionDays"], new["retentionDays"]
    if before != after:
        yield Difference(Change.RETENTION, after > before, purpose, item, before=before, after=after)
    for recipient in new["recipients"]:
        if recipient not in old["recipients"]:
            yield Difference(Change.RECIPIENT, True, purpose, item, after=recipient)
    for recipient in old["recipients"]:
        if recipient not in new["recipients"]:
            yield Difference(Change.RECIPIENT, False, purpose, item, before=recipient)
