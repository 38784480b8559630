"""A check finds every index row that does not follow from a document, and every one that is missing. (engawa doctor)"""

import random
from dataclasses import replace

import pytest

from base.database import Connection
from broker.language.q import Query
from broker.language.selection import Selection, Window
from broker.language.tree import Kind, Literal, Op, Path, Term
from broker.model.document import LOCATION
from broker.settings import BrokerSettings
from broker.store.contract import EntityChange
from broker.store.evolution import Asked
from broker.store.sqlite.catalogue import SqliteCatalogue
from tests.store.examples import FUTURE, NOW, VOCAB, entity, place, prop

FAULTS = [
    "UPDATE entity SET expires = 5 WHERE key = 2",
    "UPDATE entity SET version = 99 WHERE key = 2",
    "UPDATE entity SET doc = CAST('{' AS BLOB) WHERE key = 2",
    "UPDATE entity SET id = 'urn:other' WHERE key = 2",
    "UPDATE entity SET doc = CAST(replace(doc, 'Shelter', 'Sheltes') AS BLOB) WHERE key = 2",
    "DELETE FROM entity WHERE key = 2",
    "DELETE FROM entity_type WHERE entity = 2",
    "INSERT INTO entity_type VALUES (7, 2)",
    "INSERT INTO entity_type VALUES (1, 77)",
    "DELETE FROM entity_scope WHERE entity = 2",
    "INSERT INTO entity_scope VALUES ('/Toyooka', 2)",
    "DELETE FROM place WHERE entity = 2",
    "UPDATE place SET west = 1 WHERE entity = 2",
    "UPDATE place SET entity = 3 WHERE entity = 2",
    "INSERT INTO place VALUES (1, 1, 1, 1, 1, 9, 9)",
    "UPDATE tally SET entities = entities + 1 WHERE kind = 'Property'",
    "DELETE FROM tally WHERE kind = ''",
    "DELETE FROM value WHERE entity = 2",
    "UPDATE value SET value = 17 WHERE entity = 2 AND kind = 2",
    "INSERT INTO value VALUES ((SELECT attr FROM value), 77, 1, 0)",
    "INSERT INTO value VALUES (99, 2, 1, 0)",
    "UPDATE sequence SET value = 1 WHERE name = 'version'",
    "INSERT INTO feed VALUES (99, 'urn:x')",
    "UPDATE history SET id = 'urn:other' WHERE key = 2",
    "UPDATE history SET key = 99 WHERE key = 2",
    "UPDATE history SET deleted = 1 WHERE key = 2",
    "INSERT INTO history VALUES (99, 'urn:y', 1, 1, NULL)",
    "DELETE FROM history WHERE key = 2",
    "INSERT INTO history_type VALUES (1, 77)",
    "INSERT INTO history_type VALUES (999, 2)",
    "INSERT INTO life VALUES (77, 1, NULL, NULL)",
    "INSERT INTO life VALUES (2, 1, 1, '[')",
    "INSERT INTO history_log VALUES (1, 77, 1, CAST('{\"attrs\": {}}' AS BLOB))",
    "INSERT INTO history_log VALUES (1, 2, 1, CAST('{' AS BLOB))",
    "INSERT INTO history_log VALUES (1, 2, 1, CAST('{}' AS BLOB))",
    "DELETE FROM shape",
    "UPDATE shape SET body = CAST('{' AS BLOB)",
    "UPDATE instance SET attr = 999 WHERE history = 2",
    "UPDATE instance SET dataset = 999 WHERE history = 2",
    "UPDATE instance SET shape = 0, body = NULL WHERE history = 2",
    "UPDATE instance SET form = 12 WHERE history = 2",
    "UPDATE sequence SET value = 1 WHERE name = 'instance'",
]


@pytest.fixture
async def database(settings: BrokerSettings) -> Connection:
    """Give a healthy database with some of everything, and an indexed attribute."""
    catalogue = SqliteCatalogue(replace(settings, index_threshold=1))
    store = catalogue.open("")
    for n in range(4):
        made = entity(f"urn:ngsi-ld:Thing:{n}", scope=["/Yabu"], n=n, text="x")
        made["attrs"][LOCATION] = [place(134.76 + n, 35.4)]
        made["attrs"][VOCAB + "e"] = [prop(1, expiresAt=FUTURE)]
        await store.change([EntityChange(made["id"], lambda _, made=made: made)], NOW)
    query = Query(Term(Path((VOCAB + "n",)), Op.GREATER, Literal(Kind.NUMBER, 0)))
    await store.query(Selection(q=query), Window(), NOW)
    await store.indexed()
    await store.history.evolution("urn:ngsi-ld:Thing:1", Asked())
    assert store.check() == []
    await catalogue.close()
    (file,) = (settings.data / "tenants").glob("*.db")
    return Connection(str(file))


@pytest.mark.parametrize("fault", FAULTS)
async def test_finds_the_fault(database: Connection, settings: BrokerSettings, fault: str) -> None:
    database.execute(fault)
    assert database.total_changes()
    database.close()
    catalogue = SqliteCatalogue(settings)
    assert catalogue.open("").check()
    await catalogue.close()


async def test_finds_a_damaged_page(database: Connection, settings: BrokerSettings) -> None:
    database.close()
    (file,) = (settings.data / "tenants").glob("*.db")
    content = bytearray(file.read_bytes())
    at = content.index(b"urn:ngsi-ld:Thing:2") - 40
    content[at : at + 60] = random.Random(1).randbytes(60)
    file.write_bytes(content)
    catalogue = SqliteCatalogue(settings)
    assert catalogue.open("").check()
    await catalogue.close()
