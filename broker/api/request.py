"""The head of an HTTP request: parameters, media types, @context link. Pure, remembered. (6.3.4, 6.3.5, 6.3.20)"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDict, CIMultiDictProxy

from base.errors import BadRequestData, InvalidRequest, NotAcceptable, UnsupportedMediaType
from broker.operations.call import EXPANDED, JSON, LD_JSON, RDF, TEXT, Operation, Params

CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
MERGE_PATCH = "application/merge-patch+json"
_LISTS: Final = ("Accept", "Link", "Prefer", "Via")
_LINK = re.compile(r"<([^<>]*)>([^,<]*(?:\"[^\"]*\"[^,<]*)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))", re.IGNORECASE)
_EXPANDED_PROFILE = re.compile(r"profile=\"?[^\"]*http://www\.w3\.org/ns/json-ld#expanded(?![^\s\"])")
_TENANT = re.compile(r"[\w.:\-]{1,128}\Z", re.ASCII)


@lru_cache(4096)
def parameters(query: str) -> Params:
    """Read the query string; a parameter given twice is refused."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            "The query string is not percent-encoded UTF-8; encode each parameter."
        ) from error
    params = Params(pairs)
    if len(params) != len(pairs):
        twice = sorted({name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1})
        raise InvalidRequest(
            f"The parameter {twice[0][:40]} is given more than once; join its values with a comma."
        )
    return params


@lru_cache(1024)
def segments(path: str) -> tuple[str, ...]:
    """Split a path and decode each segment."""
    if "%" not in path:
        return tuple(path.split("/"))
    try:
        return tuple(unquote(part, errors="strict") for part in path.split("/"))
    except UnicodeDecodeError as error:
        raise InvalidRequest("The path is not percent-encoded UTF-8.") from error


@lru_cache(4096)
def checked(operation: Operation, params: Params) -> Params:
    """Refuse parameters and options that the operation does not have. (6.3.20)"""
    for name in params:
        if name not in operation.params:
            known = ", ".join(sorted(operation.params)) or "none"
            raise InvalidRequest(f"The parameter {name[:40]} is not known here; this operation has: {known}.")
    for option in filter(None, params.get("options", "").split(",")):
        if option not in operation.options:
            known = ", ".join(sorted(operation.options)) or "none"
            raise InvalidRequest(f"The option {option[:40]} is not known here; options may hold: {known}.")
    return params


def joined(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """Join the lines of headers that are lists and may come in several. (RFC 9110 5.3)"""
    apart = {name: lines for name in _LISTS if len(lines := headers.getall(name, ())) > 1}
    if not apart:
        return headers
    whole = CIMultiDict(headers)
    for name, lines in apart.items():
        whole[name] = ", ".join(lines)
    return whole


@lru_cache(1024)
def media_type(accept: str | None, offered: tuple[str, ...]) -> str:
    """Choose the media type to answer with; the order of the offer decides between equal weights. (6.3.4)"""
    if not accept or accept == "*/*":
        return offered[0]
    weights: dict[str, tuple[int, float]] = {}
    for item in accept.split(","):
        media_range, *options = (part.strip().lower() for part in item.split(";"))
        weight = _weight(options)
        for candidate in offered:
            rank = _specificity(_profiled(media_range, options, offered), candidate)
            if rank > weights.get(candidate, (0, 0.0))[0]:
                weights[candidate] = (rank, weight)
    best = max(offered, key=lambda candidate: weights.get(candidate, (0, 0.0))[1])
    if weights.get(best, (0, 0.0))[1] <= 0:
        raise NotAcceptable(
            "None of the media types asked for can be given; ask for one of the available ones.",
            available=list(offered),
        )
    return best


def _profiled(media_range: str, options: list[str], offered: tuple[str, ...]) -> str:
    """Tell JSON-LD in its expanded form from any other, where that is offered. (JSON-LD 1.1 §C)"""
    expanded = media_range == LD_JSON and EXPANDED in offered
    return EXPANDED if expanded and any(map(_EXPANDED_PROFILE.match, options)) else media_range


def _weight(options: list[str]) -> float:
    for option in options:
        name, _, value = option.partition("=")
        if name.strip() == "q":
            try:
                return max(0.0, min(1.0, float(value)))
            except ValueError:
                break  # not a weight: it decides nothing
    return 1.0


def _specificity(media_range: str, candidate: str) -> int:
    if media_range == candidate:
        return 3
    if candidate in RDF:
        return 0
    if media_range == candidate.partition("/")[0] + "/*":
        return 2
    return int(media_range == "*/*")


@lru_cache(256)
def content_type(header: str | None, merge_patch: bool, bare: bool = False) -> str:
    """Say whether the body is JSON or JSON-LD, for a bare value JSON or text; 415 for anything else. (6.3.4)"""
    if not header:
        raise InvalidRequest(f"The request has no Content-Type; send it with the body, such as {JSON}.")
    kind = header.partition(";")[0].strip().lower()
    if bare:
        if kind not in (JSON, TEXT):
            raise UnsupportedMediaType(f"The body must be {JSON} or {TEXT}.")
        return kind
    if kind == MERGE_PATCH and merge_patch:
        return JSON
    if kind not in (JSON, LD_JSON):
        raise UnsupportedMediaType(f"The body must be {JSON} or {LD_JSON}.")
    return kind


@lru_cache(1024)
def context_link(header: str | None) -> str | None:
    """Find the @context in a Link header; more than one is refused. (6.3.5)"""
    found = []
    for target, rest in _LINK.findall(header or ""):
        rel = _REL.search(rest)
        if rel and CONTEXT_REL in (rel[1] or rel[2] or "").split():
            found.append(target)
    if len(found) > 1:
        raise BadRequestData(
            "The Link header names more than one @context; give one that refers to all of them."
        )
    return found[0] if found else None


def check_legible(name: str, header: str | None) -> None:
    """Refuse a header that names a resource in bytes that are no UTF-8: nothing here is named so."""
    if header is not None and not header.isascii() and any("\ud800" <= sign <= "\udfff" for sign in header):
        raise BadRequestData(f"{name} is not UTF-8; give the identifier as it was answered.")


def tenant(header: str | None) -> str:
    """Read NGSILD-Tenant; the default tenant is ''. (6.3.14)"""
    if header is None or header == "":
        return ""
    if not _TENANT.match(header):
        raise BadRequestData("NGSILD-Tenant must be 1 to 128 letters, digits or any of . : _ -")
    return header
