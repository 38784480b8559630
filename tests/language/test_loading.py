"""The geoquery language (clause 4.10) loads the libraries of shapes with the first geoquery, not before."""

import subprocess
import sys

FIRST_QUERIES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import broker.server
from broker.language.geo import GeoQuery
from broker.language.spatial import Relation

assert "shapely" not in sys.modules
together = Barrier(8, timeout=30)

def ask(number):
    together.wait()
    query = GeoQuery(Relation.NEAR, "Point", (8.0, 40.0), max_distance=2000.0 + number)
    return query.meets({"type": "Point", "coordinates": [8.01, 40.01]}), len(query.box())

with ThreadPoolExecutor(8) as threads:
    print(set(threads.map(ask, range(8))))
"""


def run(code: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


def test_a_broker_starts_without_the_libraries_of_shapes() -> None:
    code = "import broker.server, sys; print(sorted({'shapely', 'numpy'} & set(sys.modules)))"
    assert run(code) == "[]"


def test_threads_may_make_the_first_geoquery_at_the_same_time() -> None:
    assert run(FIRST_QUERIES) == "{(True, 1)}"
