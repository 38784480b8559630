"""The rules for single values: URIs, names, DateTimes, scopes, language maps, nulls. (4.6, 4.18, 5.5.4)"""

import re
from datetime import date
from functools import lru_cache
from typing import Any

from base.errors import BadRequestData
from broker.model.document import NULL

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!#-;=?-\[\]_a-z~\u0080-\U0010ffff]+")
# printable for Python, invisible or empty for the reader
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NAME = re.compile(r"[^\W\d_]\w*(?::[^\W\d_]\w*)?")
_DATE_TIME = re.compile(
    r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d{1,6})?Z",
    re.ASCII,
)
_SCOPE = re.compile(r"/?[^\W\d_]\w*(?:/[^\W\d_]\w*)*")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|@none", re.ASCII)


def shown(name: object) -> str:
    """Shorten a name for an error message."""
    text = str(name)
    return text if len(text) <= 80 else text[:79] + "…"


def is_uri(text: object) -> bool:
    """Say whether this is an absolute URI or IRI that a reader can tell from any other. (4.6.3)"""
    return type(text) is str and _is_uri(text)


@lru_cache(maxsize=4096)
def _is_uri(text: str) -> bool:
    if _URI.fullmatch(text) is None:
        return False
    return text.isascii() or (text.isprintable() and _UNSEEN.search(text) is None)


@lru_cache(maxsize=4096)
def is_dataset(text: str) -> bool:
    """Say whether this is a datasetId: a URI of which a few are used again and again. (4.5.5.1)"""
    return is_uri(text)


@lru_cache(maxsize=16384)
def is_name(name: str) -> bool:
    """Say whether a type or attribute may have this name: name, prefix:name or an IRI. (4.6.2)"""
    if _NAME.fullmatch(name) is not None:
        return all(part[0].isalpha() for part in name.split(":"))
    return is_uri(name) and name != NULL


def place(member: str, name: str) -> str:
    """Say where something stands: a member of an attribute, or of the entity itself where no name is given."""
    return f"'{member}' of attribute '{shown(name)}'" if name else f"'{member}' of the entity"


def uri(text: object, member: str, name: str = "") -> str:
    """Take a URI; refuse anything else and NGSI-LD Null. (4.6.3)"""
    if not is_uri(text) or text == NULL:
        raise BadRequestData(
            f"{place(member, name)} is not a URI; give an absolute one such as urn:ngsi-ld:Shelter:1"
        )
    return text  # type: ignore[return-value]  # is_uri says it is a str


def name(text: object, what: str = "The attribute") -> str:
    """Take the name of a type or attribute. (4.6.2)"""
    if type(text) is not str or not is_name(text):
        raise BadRequestData(
            f"{what} '{shown(text)}' is not a name: a letter, then letters, digits or '_', "
            "with an optional prefix and ':', or an IRI (4.6.2)"
        )
    return text


def date_time(text: object, member: str, name: str = "") -> str:
    """Take a DateTime in UTC; a decimal comma becomes a point. (4.6.3)"""
    taken = _utc(text) if type(text) is str else None
    if taken is None:
        raise BadRequestData(
            f"{place(member, name)} is not a DateTime in UTC such as 2026-04-01T09:00:00Z (4.6.3)"
        )
    return taken


@lru_cache(maxsize=4096)  # the attributes of an entity are often observed at one moment
def _utc(text: str) -> str | None:
    shape = _DATE_TIME.fullmatch(text)
    if shape is None or (shape[3] > "28" and not _is_day(shape)):
        return None
    return text.replace(",", ".")


def _is_day(shape: re.Match[str]) -> bool:
    try:
        date(int(shape[1]), int(shape[2]), int(shape[3]))
    except ValueError:
        return False
    return True


def types(given: object) -> list[str]:
    """Take the entity types as written, each once. (4.5.1)"""
    if type(given) is str:
        return [name(given, "The entity type")]
    if type(given) is not list or not given:
        raise BadRequestData("The entity's type must be a name or a non-empty array of names (4.5.1)")
    return list(dict.fromkeys(name(one, "The entity type") for one in given))


def scopes(given: object) -> list[str]:
    """Take one scope or several, each once. (4.18)"""
    several = given if type(given) is list else [given]
    for one in several:
        if type(one) is not str or _SCOPE.fullmatch(one) is None or not _levels_start_with_letters(one):
            raise BadRequestData(
                "The scope must be text such as /Yabu/Oya, or an array of it; each level is a letter, "
                "then letters, digits or '_' (4.18)"
            )
    if not several:
        raise BadRequestData("The scope is an empty array; leave the member out instead (4.18)")
    return list(dict.fromkeys(several))


def _levels_start_with_letters(scope: str) -> bool:
    return all(level[0].isalpha() for level in scope.removeprefix("/").split("/"))


def is_language(tag: object) -> bool:
    """Say whether this is a language tag or @none. (4.6.5, RFC 5646)"""
    return type(tag) is str and _LANGUAGE.fullmatch(tag) is not None


def language_map(given: object, name: str, *, nulls: bool) -> dict[str, Any]:
    """Take an object of language tags with texts; NGSI-LD Null as a text only in merges. (4.6.5)"""
    if type(given) is not dict:
        raise BadRequestData(
            f"Attribute '{shown(name)}' needs a languageMap that is an object of language tags (4.5.18)"
        )
    for tag, texts in given.items():
        if not is_language(tag):
            raise BadRequestData(
                f"Attribute '{shown(name)}' has the language tag '{shown(tag)}', which RFC 5646 does not allow"
            )
        for text in texts if type(texts) is list else (texts,):
            if type(text) is not str:
                raise BadRequestData(
                    f"Attribute '{shown(name)}' maps '{tag}' to something other than text or an array of texts"
                )
            if text == NULL and (not nulls or type(texts) is list):
                raise BadRequestData(
                    f"Attribute '{shown(name)}' holds NGSI-LD Null, which is allowed in merges only (5.5.4)"
                )
    return given


def no_nulls(value: object, name: str, *, nulls: bool, json_nulls: bool = False) -> None:
    """Refuse JSON null inside a value, and NGSI-LD Null where it deletes nothing. (4.5.0, 5.5.4)"""
    if type(value) is dict:
        if value.get("@type") == "@json":
            return
        inside: Any = value.values()
    else:
        inside, nulls = value, False
    for one in inside:
        kind = type(one)
        if kind is dict or kind is list:
            no_nulls(one, name, nulls=nulls, json_nulls=json_nulls)
        elif one is None:
            if not json_nulls:
                raise BadRequestData(
                    f"Attribute '{shown(name)}' holds a JSON null inside its value; leave the member out (4.5.0)"
                )
        elif one == NULL and not nulls:
            raise BadRequestData(
                f"Attribute '{shown(name)}' holds NGSI-LD Null, which is allowed in merges only (5.5.4)"
            )
