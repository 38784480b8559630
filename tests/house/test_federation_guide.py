"""docs/federation.md: what it prints works as printed, with two towns, their certificates and their policies."""

import functools
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house.started import wait_until
from tests.ports import free_port

GUIDE = Path(__file__).parents[2] / "docs" / "federation.md"
QUERY = "/ngsi-ld/v1/entities?type=T"
TOOLS = ("bash", "openssl", "curl", "sed")

# a certificate of 豊岡's authority for a broker of that name
PASS_FOR = """
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={0} -keyout {0}.key -out {0}.csr
echo subjectAltName=DNS:{0} >{0}.ext
openssl x509 -req -days 1 -in {0}.csr -extfile {0}.ext -CA toyooka/authority.pem -CAkey toyooka/authority.key -out {0}.pem
"""

pytestmark = pytest.mark.skipif(
    bool(missing := [tool for tool in TOOLS if shutil.which(tool) is None]), reason=f"not there: {missing}"
)


def blocks(yabu: int, toyooka: int) -> list[str]:
    """Give the commands of the guide, with other ports."""
    section = GUIDE.read_text(encoding="utf-8").partition("## Two towns")[2].partition("\n## ")[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [re.sub(r"\b1?1026\b", lambda m: str(toyooka if len(m[0]) == 5 else yabu), one) for one in found]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGAWA_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


def run(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def started(lines: list[str], folder: Path) -> Iterator[None]:
    running = [
        subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder, env=environment()) for line in lines
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def status(url: str, authority: Path, certificate: Path | None = None) -> int:
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    try:
        with urllib.request.urlopen(url, timeout=60, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_two_towns_join_with_the_commands_of_the_guide(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    certificates, exchange, settings, start, join, look = blocks(*ports)
    run(certificates + exchange + settings, tmp_path)
    with started(start.splitlines(), tmp_path):
        for town, port in zip(("yabu", "toyooka"), ports, strict=True):
            url, authority = f"https://localhost:{port}", tmp_path / town / "authority.pem"
            assert wait_until(functools.partial(status, url + "/health/live", authority))
            # who shows nothing sees nothing
            assert status(url + QUERY, authority) in (401, 403)
        yabu, authority = f"https://localhost:{ports[0]}", tmp_path / "yabu" / "authority.pem"
        assert status(yabu + QUERY, authority, tmp_path / "toyooka" / "broker.pem") == 200
        # its authority may name whom it likes at home, and there only
        for name, told in (("other.toyooka.example", 403), ("broker.asago.example", 0)):
            run(PASS_FOR.format(name), tmp_path)
            assert status(yabu + QUERY, authority, tmp_path / f"{name}.pem") == told
        assert "joined" in run(join, tmp_path)
        seen = run(look, tmp_path)
        assert "urn:ngsi-ld:EvacuationShelter:trial" in seen
        assert re.search(r"豊岡市 +https://localhost:\d+ +inclusive +yes", seen)
