"""The language filter: which text of a languageMap a reader gets. (4.15, RFC 4647 §3.4)"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from base.errors import BadRequestData
from broker.model.document import DEFAULT_DATASET

_RANGE: Final = re.compile(
    r"\s*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*(?:-\*)?)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.ASCII,
)
_NO_LANGUAGE: Final = DEFAULT_DATASET


@lru_cache(maxsize=1024)
def ranges(lang: str) -> tuple[str, ...]:
    """Read a language filter into ranges in lower case, the most wanted first. (4.15, RFC 3282)"""
    weighted = []
    for part in lang.split(","):
        shape = _RANGE.fullmatch(part)
        if shape is None:
            raise BadRequestData("'lang' must be language tags such as ja or fr-CH,fr;q=0.9,*;q=0.5 (4.15)")
        weight = float(shape[2] or 1)
        if weight > 0:
            weighted.append((weight, shape[1].lower().removesuffix("-*")))
    return tuple(wanted for _, wanted in sorted(weighted, key=lambda one: -one[0]))


def choose(tags: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """Pick the tag that serves the ranges best; without a match the default text, else the first. (4.15)"""
    there = {tag.lower(): tag for tag in tags}
    for one in wanted:
        if one == "*":
            break
        found = _match(there, one)
        if found is not None:
            return there[found]
    languages = [tag for tag in there.values() if tag != _NO_LANGUAGE]
    if _NO_LANGUAGE in there and "*" not in wanted:
        return _NO_LANGUAGE
    return languages[0] if languages else there.get(_NO_LANGUAGE)


def _match(there: dict[str, str], wanted: str) -> str | None:
    """The tag itself, then a more special one, then more general ones. (RFC 4647 §3.3, §3.4)"""
    while wanted:
        if wanted in there:
            return wanted
        for tag in there:
            if tag.startswith(wanted + "-"):
                return tag
        wanted = wanted.rpartition("-")[0]
    return None
