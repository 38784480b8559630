"""What somebody sends never comes back in an error, and never reaches a log: for every operation there is. (DESIGN 3)"""

from collections.abc import Iterator
from typing import Any

import pytest

from personal.app import operations
from personal.operations.actors import Role, Who
from personal.operations.call import JSON, Operation
from tests.personal.live import Live

KANA, LATIN = "ヒミツハナコ", "HIMITSU-1990"
LOGINS = {
    Role.COUNTER: "counter",
    Role.PROTECTION: "protection",
    Role.CATALOGUE: "catalogue",
    Role.EMERGENCY: "emergency",
    Role.PRIVACY: "privacy",
    Role.AUDITOR: "auditor",
    Role.ADMIN: "admin",
}


def filled(schema: Any, text: str) -> Any:
    """Make a value about as a schema wants it, with a text wherever one may stand."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        inner = schema.get("properties", {})
        return {name: filled(form, text) for name, form in inner.items()} or {text: text}
    if kind == "array":
        return [filled(schema.get("items", {}), text)]
    return {"integer": 1, "number": 1, "boolean": True}.get(
        kind, "1990-04-01" if "format" in schema else text
    )


def wrong(body: Any, text: str) -> Iterator[Any]:
    """Make wrong bodies of one that is nearly right: one member of another type, too much, missing."""
    yield body
    yield text
    yield [text]
    if not isinstance(body, dict):
        return
    yield {**body, text: text}
    for name, value in body.items():
        yield {other: kept for other, kept in body.items() if other != name}
        for other in (text, text * 100, [text], {text: text}, 7, None):
            yield {**body, name: other}
        if isinstance(value, dict):
            for inner in wrong(value, text):
                yield {**body, name: inner}


@pytest.mark.parametrize("text", [KANA, LATIN])
async def test_no_error_and_no_log_repeats_what_was_sent(
    live: Live, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await live.register("hanako")
    asked = 0
    for row in operations(live.module.settings):
        if row.schema is None or row.media_type != JSON:
            continue
        by = await token(live, row)
        path = row.path
        for name in ("id", "item", "version", "position"):
            path = path.replace(f"{{{name}}}", "1")
        first = filled(row.schema, text)
        if by and by in (
            live.tokens.get(("yabu", f"staff/{login}/3")) for login in ("counter", "protection")
        ):
            made = await live.post("/residents", {"nameKana": "ヤブ", "birthDate": "1990-04-01"}, by=by)
            first |= dict.fromkeys({"resident"} & first.keys(), made.json["resident"])
        for body in wrong(first, text):
            reply = await live.ask(row.method, path, body, by=by)
            asked += 1
            if reply.status >= 400:
                assert text not in reply.raw.decode(), (row.path, body)
            assert reply.status != 500, (row.path, body, reply.raw)
            assert text not in str(reply.headers)
    output = "".join(capfd.readouterr())
    assert text not in output
    assert asked > 200


async def token(live: Live, row: Operation) -> str | None:
    """Log in as somebody who may do it."""
    if Who.STAFF in row.who:
        return await live.staff(LOGINS[min(row.roles)] if row.roles else "catalogue")
    if Who.RESIDENT in row.who:
        return await live.resident("hanako")
    if Who.SERVICE in row.who:
        if "shelter" not in live.keys:
            await live.service("shelter")
        return await live.service_token("shelter")
    return None
