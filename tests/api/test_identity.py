"""The identity of a context source over HTTP (clauses 5.15.1, 5.2.40): alias, uptime, one name for each tenant."""

import re
from pathlib import Path

from base import clock
from tests.live import live_broker

UPTIME = re.compile(r"P\d+DT\d+H\d+M\d+\.\d{3}S")


async def test_tells_who_it_is_and_keeps_its_name(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        async with live_broker(tmp_path / "data") as live:
            reply = await live.get("/info/sourceIdentity")
            assert reply.status == 200
            name = reply.json["contextSourceAlias"]
            assert reply.json["id"] == f"urn:ngsi-ld:ContextSourceIdentity:{name}"
            assert reply.json["type"] == "ContextSourceIdentity"
            assert UPTIME.fullmatch(reply.json["contextSourceUptime"])
            assert abs(clock.parse(reply.json["contextSourceTimeAt"]) - clock.now()) < 60 * clock.SECOND
            later = await live.get("/info/sourceIdentity")
            assert later.json["contextSourceTimeAt"] > reply.json["contextSourceTimeAt"]
            linked = await live.get("/info/sourceIdentity", headers={"Accept": "application/ld+json"})
            assert "@context" in linked.json
            names.add(name)
    assert len(names) == 1


async def test_each_tenant_has_a_name_that_does_not_tell_its_own(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", alias="yabu") as live:

        async def alias(tenant: str) -> str:
            headers = {"NGSILD-Tenant": tenant} if tenant else None
            reply = await live.get("/info/sourceIdentity", headers=headers)
            return str(reply.json["contextSourceAlias"])

        found = [await alias(tenant) for tenant in ("", "bosai", "tosho", "bosai")]
        assert found[0] == "yabu"
        assert found[1] == found[3] and len(set(found)) == 3
        assert all(name.startswith("yabu.") and "bosai" not in name for name in found[1:])


async def test_tenants_that_nobody_makes_have_no_name(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", implicit_tenants=False) as live:
        reply = await live.get("/info/sourceIdentity", headers={"NGSILD-Tenant": "none"})
        assert reply.status == 404
