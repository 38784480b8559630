"""The nation-wide files of 国土地理院 in a broker process of its own, and what a direct reading of them gives."""

import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.trials import DATA, skip

FILES = {"DesignatedShelter": "mergeFromCity_1.csv.gz", "EvacuationSite": "mergeFromCity_2.csv.gz"}
# column → code of the model
HAZARDS = {
    "洪水": "flood",
    "崖崩れ、土石流及び地滑り": "landslide",
    "高潮": "stormSurge",
    "地震": "earthquake",
    "津波": "tsunami",
    "大規模な火事": "greatFire",
    "内水氾濫": "inlandFlood",
    "火山現象": "eruption",
}
INDEX_SECONDS = 180
TOO_COMPLEX = 403
CONTEXT = (
    '<https://engawa.example/context/city-v1.jsonld>; rel="http://www.w3.org/ns/json-ld#context"; '
    'type="application/ld+json"'
)


def files(trial: str) -> list[Path]:
    """Find the two files, or skip the trial."""
    found = [DATA / "gsi" / name for name in FILES.values()]
    if missing := [str(path) for path in found if not path.is_file()]:
        skip(trial, f"{', '.join(missing)} is not there; name the folder of open data in ENGAWA_DATA")
    return found


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a file with nothing but the standard library."""
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def municipality_code(five: str) -> str:
    """Add the check digit of a 全国地方公共団体コード."""
    rest = sum(int(digit) * weight for digit, weight in zip(five, (6, 5, 4, 3, 2), strict=True)) % 11
    return five + str((11 - rest) % 10)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many places there are of each type, in each municipality, for each hazard."""

    types: Counter[str]
    cities: Counter[tuple[str, str]]
    hazards: Counter[str]


def direct_counts(paths: list[Path]) -> Counts:
    """Count on the files themselves."""
    counts = Counts(Counter(), Counter(), Counter())
    for kind, path in zip(FILES, paths, strict=True):
        for row in rows(path):
            counts.types[kind] += 1
            counts.cities[kind, municipality_code(row["共通ID"][1:6])] += 1
            counts.hazards.update(code for column, code in HAZARDS.items() if row.get(column) == "1")
    return counts


class Running:
    """A broker process."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, data: Path) -> None:
        self.process, self.url, self.data = process, url, data

    def peak_megabytes(self) -> float:
        """Give the largest resident memory so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000

    def get(self, path: str, **params: str) -> tuple[Any, dict[str, str]]:
        """Ask for something with the city's @context."""
        query = "?" + urllib.parse.urlencode(params) if params else ""
        request = urllib.request.Request(f"{self.url}/ngsi-ld/v1{path}{query}", headers={"Link": CONTEXT})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read()), dict(answer.headers.items())

    def count(self, **params: str) -> int:
        """Count what a query finds; the first ones on an attribute are refused until its index is there."""
        end = time.monotonic() + INDEX_SECONDS
        while True:
            try:
                _, headers = self.get("/entities", **params, count="true", limit="0")
                return int(headers["NGSILD-Results-Count"])
            except urllib.error.HTTPError as error:
                if error.code != TOO_COMPLEX or time.monotonic() > end:
                    raise
            time.sleep(5)

    def load(self, paths: list[Path]) -> dict[str, Any]:
        """Load files with the command."""
        command = [sys.executable, "-m", "engawa", "load", "shelters", *map(str, paths), "--broker", self.url]
        command += ["--json", "--rejects", str(self.data / "rejects.csv")]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=1800, check=True)
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@contextmanager
def broker(port: int = 0) -> Iterator[Running]:
    """Run a broker on an empty folder, on any free port unless told."""
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "engawa",
            "run",
            "broker",
            "--port",
            str(port),
            "--data",
            folder + "/broker",
        ]
        process = subprocess.Popen(command)
        try:
            running = Running(process, f"http://127.0.0.1:{port}", Path(folder))
            _wait(running.url + "/health/ready")
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"{url} did not answer within 30 s")
