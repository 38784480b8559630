"""Names of residents at services: stored pairs, doubles, parting, a new name with its mapping. (personal-data.md 2.3)"""

import re

import pytest

from base import clock
from base.database import Connection
from personal.operations.naming import deriving_of
from personal.rules.identifiers import PPID_FORM
from personal.store import notices, pseudonyms
from personal.store.notices import Notice
from personal.store.pseudonyms import GRACE
from tests.personal.disclosure.sharing import ALLERGIES, agree, ask, hold, leaves, name, service
from tests.personal.live import Live
from tests.personal.people.test_registering import search

FAR = 1 << 60


def told(live: Live, service: str) -> list[Notice]:
    """List what a service will have been told at last."""
    return live.town.store.read(lambda db: notices.waiting(db, service, FAR, 100))


async def handle(live: Live, kana: str) -> str:
    """Find a resident at the counter by their reading."""
    return (await search(live, nameKana=kana))[0]


async def two(live: Live) -> tuple[str, list[str], list[str]]:
    """Enter one resident twice, each known to the shelter; give its token, the ids and the names there."""
    token, persons, names = await service(live, "shelter", "allergies"), [], []
    for login, kana in (("hanako", "ヤブ ハナコ"), ("double", "ヤブ ハナ")):
        persons.append(await live.register(login, nameKana=kana))
        names.append(await name(live, persons[-1], "shelter"))
    await hold(live, persons[0], allergies=ALLERGIES)
    await agree(live, persons[0], "shelter", "allergies")
    return token, persons, names


async def merge(live: Live) -> tuple[str, str]:
    one, other = await handle(live, "ヤブ ハナコ"), await handle(live, "ヤブ ハナ")
    by = await live.staff("counter")
    reply = await live.post("/residents/merge", {"resident": one, "double": other}, by=by)
    assert reply.status == 200, reply.raw
    return one, other


async def test_a_name_is_the_same_at_one_service_and_another_at_each_other(live: Live) -> None:
    person = await live.register("hanako")
    for id in ("shelter", "library"):
        await service(live, id, "allergies")
    names = [await name(live, person, id) for id in ("shelter", "library", "shelter")]
    assert names[0] == names[2] != names[1]
    assert live.town.store.read(lambda db: pseudonyms.services(db, person)) == ["library", "shelter"]


async def test_staff_hand_a_name_over_and_it_is_on_record(live: Live) -> None:
    token = await service(live, "shelter", "allergies")
    await live.register("hanako")
    by, resident = await live.staff("counter"), await handle(live, "ヤブ ハナコ")
    given = await live.post("/pseudonyms", {"resident": resident, "service": "shelter"}, by=by)
    assert given.status == 200, given.raw
    assert leaves(live)[-1]["kind"] == "pseudonym-given"
    assert (await ask(live, token, given.json["subject"], "allergies")).status == 200
    unknown = await live.post("/pseudonyms", {"resident": resident, "service": "nobody"}, by=by)
    assert unknown.status == 400
    mine = await live.get("/me/pseudonyms", by=await live.resident("hanako"))
    assert mine.json == {"services": ["shelter"]}


async def test_both_names_of_a_merged_resident_stand_for_them_and_the_service_is_told(live: Live) -> None:
    token, _, names = await two(live)
    assert (await ask(live, token, names[1], "allergies")).json["items"] == {}
    await merge(live)
    for one in names:
        assert (await ask(live, token, one, "allergies")).json["items"] == {"allergies": ALLERGIES}
    (notice,) = [one for one in told(live, "shelter") if one.event == "subjects-merged"]
    assert (notice.subject, notice.facts) == (names[0], {"previous": [names[1]]})


async def test_parted_residents_have_the_names_they_had_and_the_service_is_told(live: Live) -> None:
    token, persons, names = await two(live)
    one, _ = await merge(live)
    await service(live, "library", "allergies")
    later = await name(live, persons[0], "library")
    body = {"resident": one, "sinceGoesTo": "double"}
    assert (await live.post("/residents/part", body, by=await live.staff("counter"))).status == 200
    assert (await ask(live, token, names[1], "allergies")).json["items"] == {}
    assert (await ask(live, token, names[0], "allergies")).json["items"] == {"allergies": ALLERGIES}

    def whose(db: Connection) -> str:
        found = pseudonyms.resolve(db, "library", later, clock.now())
        assert found is not None
        return found.id

    assert live.town.store.read(whose) == persons[1], "what happened since went to the double"
    assert await name(live, persons[0], "library") != later
    (notice,) = [one for one in told(live, "shelter") if one.event == "subjects-parted"]
    assert (notice.event, notice.subject, notice.facts) == ("subjects-parted", names[0], {"other": names[1]})


async def test_a_new_name_comes_with_its_mapping_and_the_old_one_ends(live: Live) -> None:
    token, persons, names = await two(live)
    me = await live.resident("hanako")
    assert (await live.post("/pseudonyms/rotate", {"service": "shelter"}, by=me)).status == 202
    new = await name(live, persons[0], "shelter")
    assert new not in names
    (notice,) = [one for one in told(live, "shelter") if one.event == "subject-renamed"]
    assert (notice.event, notice.subject, notice.facts) == ("subject-renamed", new, {"previous": names[:1]})
    for one in (new, names[0]):
        assert (await ask(live, token, one, "allergies")).json["items"] == {"allergies": ALLERGIES}
    after = clock.now() + GRACE + 1
    found = [
        live.town.store.read(lambda db, one=one: pseudonyms.resolve(db, "shelter", one, after))
        for one in (new, names[0])
    ]
    assert [one is not None for one in found] == [True, False]
    assert leaves(live)[-3]["kind"] == "pseudonym-rotated"


async def test_a_new_name_of_a_merged_resident_replaces_both(live: Live) -> None:
    _, persons, names = await two(live)
    one, _ = await merge(live)
    by = await live.staff("counter")
    assert (await live.post("/pseudonyms/rotate", {"service": "shelter"}, by=by)).status == 400
    rotated = await live.post("/pseudonyms/rotate", {"resident": one, "service": "shelter"}, by=by)
    assert rotated.status == 202
    (notice,) = [one for one in told(live, "shelter") if one.event == "subject-renamed"]
    assert notice.facts == {"previous": names}
    assert notice.subject == await name(live, persons[0], "shelter") not in names


@pytest.mark.parametrize("side", ["resident", "double"])
async def test_parted_after_a_new_name_each_has_one_and_no_other(live: Live, side: str) -> None:
    _, persons, names = await two(live)
    one, _ = await merge(live)
    by = await live.staff("counter")
    body = {"resident": one, "service": "shelter"}
    assert (await live.post("/pseudonyms/rotate", body, by=by)).status == 202
    new = await name(live, persons[0], "shelter")
    parted = await live.post("/residents/part", {"resident": one, "sinceGoesTo": side}, by=by)
    assert parted.status == 200
    expected = [new, names[1]] if side == "resident" else [names[0], new]
    assert [await name(live, person, "shelter") for person in persons] == expected
    (notice,) = [one for one in told(live, "shelter") if one.event == "subjects-parted"]
    assert (notice.event, notice.subject, notice.facts) == (
        "subjects-parted",
        expected[0],
        {"other": expected[1]},
    )


async def test_a_service_that_knows_nobody_has_nothing_to_rename(live: Live) -> None:
    await service(live, "shelter", "allergies")
    await live.register("hanako")
    me = await live.resident("hanako")
    for id in ("shelter", "nobody"):
        assert (await live.post("/pseudonyms/rotate", {"service": id}, by=me)).status == 404


async def test_names_are_of_one_form_and_made_anew_as_often_as_wanted(live: Live) -> None:
    await service(live, "shelter", "allergies")
    person, deriving = await live.register("hanako"), await deriving_of(live.town)

    def work(db: Connection) -> list[str]:
        first = pseudonyms.given(db, deriving, "shelter", person, 1)
        return [first] + [pseudonyms.rotate(db, deriving, "shelter", person, 2)[1] for _ in range(5)]

    names = await live.town.store.write(work)
    assert len(set(names)) == 6
    assert all(re.fullmatch(PPID_FORM, one) for one in names)
