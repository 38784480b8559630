"""Mutations of rules: of the query language, places, links, choices, the concise form, changes and the binding."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.conformance.mutations import (
    drops,
    in_answers,
    mutation,
    on_reply,
    on_request,
    status,
)
from tests.conformance.proxy import Forward, Reply, Request

DEFAULT = b"https://uri.etsi.org/ngsi-ld/default-context/"


def rewritten(name: str, chapters: str, parameter: str, pattern: str, into: str) -> None:
    """Enter a mutation that reads a parameter otherwise."""

    def change(asked: Request) -> None:
        asked.query = [(k, re.sub(pattern, into, v) if k == parameter else v) for k, v in asked.query]

    on_request(name, chapters, change)


def asked_for(name: str, chapters: str, wanted: tuple[str, str], change: Callable[[Any], Any]) -> None:
    """Enter a mutation of the answers to requests with a parameter."""

    def on(asked: Request, reply: Reply) -> None:
        if wanted in asked.query and reply.status < 300 and reply.json is not None:
            reply.json = change(reply.json)

    on_reply(name, chapters, on)


def fragments(name: str, chapters: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Enter a mutation that changes the bodies of changes."""

    def on(asked: Request) -> None:
        body = asked.json
        if asked.method in ("PATCH", "POST") and "/entities/" in asked.path and isinstance(body, dict):
            change(body)
            asked.json = body

    on_request(name, chapters, on)


# ---- the query language ----
rewritten(
    "compares with the first of a list",
    "query_terms.not_in_list",
    "q",
    r'([=!]=(?:"[^"]*"|[^,"]+)),.*',
    r"\1",
)
rewritten(
    "leaves the ends out of ranges",
    "query_terms.range_of_fractions",
    "q",
    r"([\w.]+)==([^;|]+?)\.\.([^;|]+)",
    r"\1>\2;\1<\3",
)
rewritten("reads and as or", "query_terms.nested places.with_others", "q", ";", "|")
rewritten("reads unequal as equal", "query_terms.not_in_list query_terms.not_in_range", "q", "!=", "==")
rewritten("reads < as <=", "query_terms.range_of_fractions", "q", "<(?!=)", "<=")
rewritten("reads any language for one", "query_terms.named_language", "q", r"\[(en|fr)\]", "[*]")
rewritten(
    "overlooks members of values",
    "query_terms.member_of_sub_attribute query_terms.member_absent",
    "q",
    r"\[[^\]]*\]",
    "",
)
rewritten(
    "overlooks sub-attributes",
    "query_terms.sub_attribute_there query_terms.sub_relationship",
    "q",
    r"(thing)\.\w+",
    r"\1",
)
rewritten("reads instants to the second", "query_terms.precision", "q", r"(:\d\d)\.\d+Z", r"\1Z")

# ---- places ----
rewritten("reads overlaps as intersects", "places.inner", "georel", "overlaps", "intersects")
rewritten("reads contains as intersects", "places.containing", "georel", "contains", "intersects")
rewritten("reads within as intersects", "places.line_within", "georel", "within", "intersects")
rewritten("reads equals as intersects", "places.same_area", "georel", "equals", "intersects")
rewritten("measures twice as far", "places.near_north", "georel", r"==100$", "==200")
rewritten("overlooks holes", "places.within_hole", "coordinates", r"(\]\]),\[\[.*", r"\1]")
in_answers(
    "loses heights",
    "places.height",
    lambda found: (
        found.update(coordinates=found["coordinates"][:2])
        if isinstance(found.get("coordinates"), list) and len(found["coordinates"]) == 3
        else None
    ),
)

# ---- linked entities ----
asked_for(
    "gives an object for a list of one",
    "linked.missing",
    ("join", "flat"),
    lambda found: found[0] if isinstance(found, list) and len(found) == 1 else found,
)
in_answers(
    "turns linked entities around",
    "linked.inline_list",
    lambda found: found.update(entityList=found["entityList"][::-1]) if "entityList" in found else None,
)
drops("entity", "linked.inline_several linked.instances")
rewritten("overlooks types of what is linked", "linked.q_with_type", "q", r"\{[^:{}]+:", "{")

# ---- choices ----
rewritten("takes one dataset of several", "choices.datasets", "datasetId", ",.*", "")
rewritten("takes one of two types for both", "choices.both_or_third", "type", r"\((\w+);\w+\)", r"\1")
rewritten("takes one of two scopes for both", "choices.both_scopes", "scopeQ", r"\(([^;]+);[^)]+\)", r"\1")
rewritten("reads + as the levels below", "choices.level_between", "scopeQ", r"/\+/.*", "/#")
rewritten("takes the first language asked for", "choices.language_rest", "lang", ",.*", "")
drops("lang", "choices.language_any")
in_answers(
    "always shows the id",
    "choices.omit_members",
    lambda found: found.setdefault("id", "urn:x:y") if "speed" in found else None,
)
in_answers(
    "names the default dataset",
    "choices.default_dataset",
    lambda found: found.setdefault("datasetId", "@none") if "value" in found else None,
)
asked_for("shows no place of simplified Features", "choices.simplified_place", ("format", "simplified"), lambda found: {**found, "geometry": None})  # fmt: skip

# ---- the concise form ----
CONCISE = ("format", "concise")


def _wrapped(found: Any) -> Any:
    own = {"id", "type", "scope", "@context"}
    return {k: v if k in own or isinstance(v, dict) else {"value": v} for k, v in found.items()}


def _typed(found: Any) -> Any:
    for held in found.values():
        if isinstance(held, dict) and "object" in held:
            held["type"] = "Relationship"
    return found


asked_for(
    "wraps bare values",
    "concise_rules.bare_values",
    CONCISE,
    lambda x: _wrapped(x) if isinstance(x, dict) else x,
)
asked_for(
    "keeps the type of concise Relationships",
    "concise_rules.no_types",
    CONCISE,
    lambda x: _typed(x) if isinstance(x, dict) else x,
)
on_request(
    "takes a list of objects for values",
    "concise_rules.list_of_uris",
    lambda asked: setattr(asked, "body", asked.body.replace(b'"objectList":["', b'"valueList":["')),
)
on_request(
    "loses units of concise attributes",
    "concise_rules.written_back concise_rules.no_types",
    lambda asked: setattr(asked, "body", re.sub(rb',"unitCode":"\w+"', b"", asked.body)),
)

# ---- changes ----
fragments("adds no types", "change_rules.update_types", lambda body: body.pop("type", None))
fragments("keeps the scope", "change_rules.update_scope", lambda body: body.pop("scope", None))
fragments("overlooks datasets in changes", "change_rules.append_instance", lambda body: [a.pop("datasetId", None) for a in body.values() if isinstance(a, dict)])  # fmt: skip
status("says 204 for a part of a batch", "batch", "POST", 207, 204)


@mutation("change_rules.update_whole")
async def merges_instead_of_updating(asked: Request, forward: Forward) -> Reply:
    if asked.method == "PATCH" and asked.path.endswith("/attrs"):
        asked.path = asked.path.removesuffix("/attrs")
    return await forward(asked)


@mutation("change_rules.other_kind")
async def replaces_attributes_of_any_kind(asked: Request, forward: Forward) -> Reply:
    if (
        asked.method == "PATCH"
        and "/attrs/" in asked.path
        and isinstance(asked.json, dict)
        and "type" in asked.json
    ):
        asked.method = "PUT"
    return await forward(asked)


# ---- the binding ----
def _less_allowed(_: Request, reply: Reply) -> None:
    if "Allow" in reply.headers:
        reply.headers["Allow"] = "GET"


def _told_415(_: Request, reply: Reply) -> None:
    if reply.status == 415:
        reply.body, reply.headers["Content-Type"] = b'{"title": "no"}', "application/json"


def _counts_the_page(_: Request, reply: Reply) -> None:
    if "NGSILD-Results-Count" in reply.headers and isinstance(reply.json, list):
        reply.headers["NGSILD-Results-Count"] = str(len(reply.json))


def _links(change: Callable[[str], str]) -> Callable[[Request, Reply], None]:
    def on(_: Request, reply: Reply) -> None:
        for link in map(change, reply.headers.popall("Link", [])):
            if link:
                reply.headers.add("Link", link)

    return on


def _without_q(link: str) -> str:
    return re.sub(r"&q=[^&>]*", "", link) if "next" in link else link


def _compacted(_: Request, reply: Reply) -> None:
    if reply.status == 207:
        reply.body = reply.body.replace(DEFAULT, b"")


def _no_tenant_in_refusals(_: Request, reply: Reply) -> None:
    if reply.status >= 400:
        reply.headers.popall("NGSILD-Tenant", None)


def _takes_offsets(asked: Request) -> None:
    asked.body = asked.body.replace(b"+09:00", b"Z")


def _expanded_path(asked: Request) -> None:
    asked.path = unquote(asked.path).replace("https://example.org/", "")


on_reply("names few methods", "binding_rules.methods", _less_allowed)
on_reply("explains 415", "binding_rules.unsupported_media", _told_415)
on_reply("counts the page", "binding_rules.count_on_pages", _counts_the_page)
on_reply("forgets q in links", "binding_rules.forward", _links(_without_q))
on_reply(
    "forgets the way back",
    "binding_rules.backward",
    _links(lambda link: "" if 'rel="prev"' in link else link),
)
on_reply(
    "names JSON in all links",
    "binding_rules.media_of_links",
    _links(lambda link: link.replace("geo+json", "json")),
)
on_reply("uses short names in 207", "binding_rules.iris_in_207", _compacted)
on_reply("forgets the tenant in refusals", "binding_rules.tenant_everywhere", _no_tenant_in_refusals)
on_request("takes times with offsets", "binding_rules.bad_times", _takes_offsets)
on_request("takes no IRIs in paths", "binding_rules.iri_in_path", _expanded_path)
in_answers(
    "rounds numbers",
    "binding_rules.numbers",
    lambda found: found.update({k: round(v, 3) for k, v in found.items() if type(v) is float}),
)
