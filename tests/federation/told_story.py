"""Tell some brokers a story and print what they answer, to be compared between runs. (run by test_same_answers.py)"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.federation.fakes import Fake, fake
from tests.federation.towns import register, towns
from tests.live import Live

NAMES = ("name", "capacity", "floor", "photo", "level", "mayor", "note", "zone", "access", "beds")
KINDS = ("Shelter", "School", "Hall", "Library")
ALIEN = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|:\d{4,5}\b(?!-)|(?!2001)20\d\d-\d\d-\d\dT[\d:.]+Z"
    rb"|Instance:[0-9a-f]+-\d+|broker-[0-9a-f]+|urn:engawa:[0-9a-f-]+"
)
"""What differs between runs by its nature: random names, ports, the time of now."""
HEADERS = ("Link", "NGSILD-Warning", "NGSILD-Results-Count", "Preference-Applied", "Content-Range", "Allow")


def entity(number: int, day: int = 1) -> dict[str, Any]:
    """Write an entity of several types with many attributes."""
    values = {
        name: {
            "type": "Property",
            "value": f"{name} {number}",
            "observedAt": f"2001-01-{day:02}T00:00:00Z",
            **{inner: {"type": "Property", "value": inner} for inner in NAMES[:3]},
        }
        for name in NAMES
    }
    return {
        "id": f"urn:ngsi-ld:Shelter:{number}",
        "type": list(KINDS),
        "scope": ["/a/b", "/c", "/d/e"],
        **values,
        "near": {"type": "Relationship", "object": ["urn:ngsi-ld:Shelter:1", "urn:ngsi-ld:Shelter:2"]},
        "title": {"type": "LanguageProperty", "languageMap": {"ja": "大屋", "en": "Oya", "de": "Oja"}},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7, 35.3]}},
    }


LAST = "urn:ngsi-ld:Shelter:last"
SPAN = "timerel=after&timeAt=2000-01-01T00:00:00Z"
SOME = "name,capacity,floor,photo,level"
SHELTER = "/entities/urn:ngsi-ld:Shelter:1"
READS = [
    *[
        f"{SHELTER}?{form}"
        for form in ("", "format=simplified", "format=concise", f"pick={SOME}", "omit=name")
    ],
    f"{SHELTER}?attrs={SOME}&lang=*",
    f"{SHELTER}?join=flat&joinLevel=2&format=simplified",
    f"{SHELTER}?join=inline&joinLevel=2&format=simplified",
    "/entities?type=Shelter,School&format=simplified",
    "/entities?type=Hall&options=sysAttrs&count=true&limit=1",
    f"/entities?attrs={SOME}&format=geojson",
    '/entities?type=Shelter&q=name~="name";(floor|photo)&pick=id,name,floor&count=true',
    "/types",
    "/types?details=true",
    "/types/Shelter",
    "/attributes",
    "/attributes?details=true",
    "/attributes/name",
    f"/temporal/entities?type=Shelter&{SPAN}",
    f"/temporal/entities?type=Shelter&{SPAN}&attrs={SOME}&lastN=1",
    f"/temporal/entities?type=Shelter&{SPAN}&attrs={SOME}&format=temporalValues",
    f"/temporal/entities?type=Shelter&{SPAN}&aggrMethods=totalCount,distinctCount,min,max&format=aggregatedValues",
    f"/temporal/entities?type=Shelter&{SPAN}&pick=name,floor,photo,beds&options=sysAttrs",
    f"/temporal{SHELTER}?{SPAN}",
    f"/temporal{SHELTER}?{SPAN}&attrs={SOME}&format=temporalValues",
    f"/temporal{SHELTER}?{SPAN}&format=aggregatedValues&aggrMethods=distinctCount,min&attrs={SOME}",
    "/csourceRegistrations?type=Shelter",
    "/csourceRegistrations?type=Shelter,Hall&attrs=name,floor",
    "/subscriptions",
    "/entityMaps?type=Shelter",
    "/entities?type=Shelter&asOf=2001-01-01T12:00:00Z",
    "/entities?unknown=1&another=2&third=3",
    "/entities?type=Shelter&q=name==",
]


class Story:
    """What was said so far."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def ask(self, live: Live, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask, and note what was answered."""
        accept = {"Accept": "application/geo+json"} if "geojson" in path else {}
        reply = await live.ask(method, path.replace("&format=geojson", ""), body, headers=headers | accept)
        said = "; ".join(f"{name}: {reply.headers[name]}" for name in HEADERS if name in reply.headers)
        self.lines.append(f"{method} {path} {reply.status} {said} ".encode() + reply.raw)
        return reply.json

    def heard(self, there: Fake) -> None:
        """Note what a neighbour or receiver was sent, in an order that does not depend on what was faster."""
        said = (f"{one.method} {one.path} {one.body}".encode() for one in there.seen)
        self.lines += sorted(ALIEN.sub(b"~", line) for line in said)
        there.seen.clear()


async def write(story: Story, front: Live) -> None:
    """Create and change entities in all the ways there are."""
    for day in (1, 2, 3):
        await story.ask(front, "POST", "/entityOperations/upsert", [entity(1, day), entity(2, day)])
    await story.ask(front, "POST", "/entities", entity(3))
    await story.ask(front, "POST", "/entityOperations/create", [entity(3), entity(4), entity(5)])
    changed = {name: {"type": "Property", "value": 0} for name in (*NAMES, "absent", "missing", "lost")}
    await story.ask(front, "PATCH", f"{SHELTER}/attrs", changed)
    await story.ask(
        front, "POST", f"{SHELTER}/attrs?options=noOverwrite", changed | {"fresh": changed["name"]}
    )
    await story.ask(front, "PATCH", "/entities/urn:ngsi-ld:Shelter:4", {"name": changed["name"]})
    await story.ask(front, "POST", "/entityOperations/update?options=noOverwrite", [entity(3), entity(9)])
    await story.ask(front, "POST", "/entityOperations/delete", [f"urn:ngsi-ld:Shelter:{n}" for n in (5, 8)])
    history = {name: [entity(1, day)[name] for day in (4, 5)] for name in NAMES}
    await story.ask(
        front, "POST", "/temporal/entities", {"id": entity(1)["id"], "type": list(KINDS), **history}
    )
    await story.ask(front, "DELETE", "/entities?type=Library&id=urn:ngsi-ld:Shelter:4&drop=name,floor,beds")


async def subscribe(story: Story, live: Live, receiver: Fake) -> None:
    """Ask to be told."""
    body = {
        "type": "Subscription",
        "id": "urn:ngsi-ld:Subscription:1",
        "entities": [{"type": kind} for kind in KINDS],
        "watchedAttributes": list(NAMES),
        "notification": {
            "endpoint": {"uri": f"{receiver.url}/told", "accept": "application/json"},
            "showChanges": True,
            "sysAttrs": True,
        },
    }
    await story.ask(live, "POST", "/subscriptions", body)


async def reached(receiver: Fake) -> None:
    """Wait until the last notification has come; they come in order."""
    while not any(LAST in str(one.body) for one in receiver.seen):
        receiver.asked.clear()
        await receiver.asked.wait()


async def tell(folder: Path) -> list[bytes]:
    """Tell the story: to one broker alone, then to one with neighbours of all kinds."""
    story = Story()
    async with towns(folder, 3) as (alone, front, source), fake([entity(7)]) as other, fake() as receiver:
        await subscribe(story, alone, receiver)
        await write(story, alone)
        for path in READS:
            await story.ask(alone, "GET", path)
        await alone.post("/entities", {**entity(1), "id": LAST})
        await reached(receiver)
        story.heard(receiver)
        kinds = [{"type": kind} for kind in KINDS]
        every = ["redirectionOps", "retrieveOps", "queryTemporal", "retrieveTemporal", "upsertTemporal"]
        of_some = list(NAMES[2:5])
        await register(front, source, *kinds, mode="redirect", attributes=of_some, operations=every)
        await register(front, source, *kinds, attributes=list(NAMES[5:]), operations=every)
        await register(front, other.url, *kinds, attributes=["name", "zone"], operations=every)
        await register(front, "http://127.0.0.1:9", *kinds, attributes=["note"], operations=every)
        await write(story, front)
        for path in READS:
            await story.ask(front, "GET", path)
        story.heard(other)
    return story.lines


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for line in asyncio.run(tell(Path(folder))):
            sys.stdout.buffer.write(ALIEN.sub(b"~", line) + b"\n")
