"""`engawa up --cities` and `engawa federation`: towns that ask each other, one gone, and back again. (4.3.6, 6.3.17)"""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from click.testing import CliRunner, Result

from broker.load.values import check_digit
from engawa.command import cli
from engawa.demo.neighbours import CITIES, City, samples
from engawa.neighbourhood import APART
from schemas import catalogue
from tests.house.started import Up, start, up, wait_until
from tests.ports import free_port

NAMES = ("yabu", "toyooka", "asago")
EVERYWHERE = {str(entity["id"]) for name in NAMES for entity in samples(CITIES[name])}
TYPES = ",".join(map(catalogue.iri, ("EvacuationShelter", "EvacuationSite")))
QUERY = f"/ngsi-ld/v1/entities?type={quote(TYPES, safe='')}&limit=100&count=true"
PAGE = "/explorer/neighbours?lang=ja"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Run three towns; whoever ends a broker waits until all is as before."""
    folder = tmp_path_factory.mktemp("neighbourhood")
    with up(folder, "--cities", ",".join(NAMES), port=free_port(APART, 2 * APART)) as towns:
        yield towns


def url(running: Up, number: int = 0) -> str:
    return f"http://127.0.0.1:{running.port + number * APART}"


def ask(running: Up, path: str = QUERY, number: int = 0) -> tuple[set[str], Any]:
    with urllib.request.urlopen(url(running, number) + path, timeout=60) as answer:
        return {entity["id"] for entity in json.loads(answer.read())}, answer.headers


def federation(*words: str) -> Result:
    return CliRunner().invoke(cli, ["federation", *words], prog_name="engawa")


def broker_of(running: Up, name: str) -> int:
    """Give the process of a town's broker; 0 while there is none."""
    for pid in running.children():
        if f"--alias\0{name}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


def whole(running: Up) -> bool:
    found, headers = ask(running)
    return found == EVERYWHERE and "NGSILD-Warning" not in headers


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_each_town_answers_with_the_shelters_of_all(running: Up, number: int) -> None:
    found, headers = ask(running, number=number)
    assert found == EVERYWHERE
    assert headers["NGSILD-Results-Count"] == str(len(EVERYWHERE))
    assert "NGSILD-Warning" not in headers


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_each_town_keeps_its_own_data(running: Up, number: int) -> None:
    found, _ = ask(running, QUERY + "&local=true", number)
    assert found == {str(entity["id"]) for entity in samples(CITIES[NAMES[number]])}


def test_one_page_shows_the_shelters_of_all_and_whose_they_are(running: Up) -> None:
    page = running.get(PAGE).decode()
    assert page.count('<li class="entry"') == len(EVERYWHERE)
    for name in NAMES:
        assert page.count(f'data-town="{CITIES[name].title}"') == len(list(samples(CITIES[name])))
    assert 'class="missing"' not in page


def test_status_shows_each_neighbour(running: Up) -> None:
    result = federation("status", "--broker", url(running), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [one["name"] for one in told] == ["豊岡市", "朝来市"]
    assert all(one["answers"] and one["milliseconds"] > 0 and one["mode"] == "inclusive" for one in told)
    assert all(one["endpoint"] == url(running, number) for number, one in enumerate(told, 1))


def test_joining_again_changes_nothing(running: Up) -> None:
    words = ("join", url(running, 1), "--broker", url(running), "--json")
    before = running.get("/ngsi-ld/v1/csourceRegistrations?type=*")
    assert json.loads(federation(*words, "--cooldown", "2000").stdout)["outcome"] == "unchanged"
    changed = json.loads(federation(*words, "--cooldown", "3000").stdout)
    assert changed["outcome"] == "changed" and changed["alias"] == "toyooka"
    assert json.loads(federation(*words, "--cooldown", "2000").stdout)["outcome"] == "changed"
    after = running.get("/ngsi-ld/v1/csourceRegistrations?type=*")
    assert [one["management"] for one in json.loads(after)] == [
        one["management"] for one in json.loads(before)
    ]
    assert len(json.loads(after)) == 2


@pytest.mark.kill
def test_a_town_that_is_gone_is_named_and_comes_back_by_itself(running: Up) -> None:
    others = {id for id in EVERYWHERE if "-toyooka-" not in id}
    gone = broker_of(running, "toyooka")
    os.kill(gone, signal.SIGSTOP)  # not restarted yet, and answering nobody
    try:
        found, headers = ask(running)
        assert found == others
        [warning] = headers.get_all("NGSILD-Warning")
        assert warning.startswith("199 toyooka ")
        page = running.get(PAGE).decode()
        assert page.count('<li class="entry"') == len(others)
        assert 'class="missing"' in page and "<strong><span>豊岡市</span></strong>" in page
        result = federation("status", "--broker", url(running), "--seconds", "1", "--json")
        assert result.exit_code == 1
        told = {one["name"]: one for one in json.loads(result.stdout)}
        assert told["朝来市"]["answers"] and not told["豊岡市"]["answers"]
        assert told["豊岡市"]["error"] and told["豊岡市"]["failed"] and told["豊岡市"]["last_failure"]
    finally:
        os.kill(gone, signal.SIGKILL)
    assert wait_until(lambda: broker_of(running, "toyooka") not in (0, gone))
    assert wait_until(lambda: whole(running), 40)
    assert federation("status", "--broker", url(running)).exit_code == 0


def test_says_which_cities_are_known(tmp_path: Path) -> None:
    process = start(tmp_path, "--cities", "yabu,atlantis", port=free_port())
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "atlantis" in said and "shinonsen" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("status", "--broker", "http://127.0.0.1:9"), 3, "cannot be asked"),
        (("join", "http://127.0.0.1:9"), 1, "cannot be joined"),
    ],
    ids=["ours", "theirs"],
)
def test_says_who_cannot_be_reached(words: tuple[str, ...], code: int, says: str) -> None:
    result = federation(*words)
    assert result.exit_code == code
    assert says in result.stderr and "refused" in result.stderr


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.name)
def test_the_samples_fit_their_models_and_say_that_they_are_made_up(city: City) -> None:
    terms = {catalogue.iri(term): term for term in (*catalogue.context(), "description", "location")}
    found = list(samples(city))
    assert len(found) >= 4
    for entity in found:
        kind = terms[entity.pop("type")]
        id = entity.pop("id")
        plain = {terms[iri]: attribute["value"] for iri, attribute in entity.items()}
        if "address" in plain:
            plain["address"] = {terms.get(iri, iri): value for iri, value in plain["address"].items()}
        jsonschema.Draft202012Validator(catalogue.schema(kind)).validate({"id": id, "type": kind, **plain})
        assert "見本" in plain["name"] and "架空" in plain["description"]
        assert plain["localGovernmentCode"] == city.code == city.code[:5] + check_digit(city.code[:5])
