"""A neighbourhood on one machine: towns side by side, each with its own broker, joined with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, permutations
from pathlib import Path
from typing import Final

import click

from base.console import Failure
from broker.load.client import Refused, connected
from broker.load.synchronise import synchronise
from broker.neighbours.joining import Neighbour, join
from broker.neighbours.talk import Talk, Unusable, connections
from broker.settings import BrokerSettings
from engawa.demo.neighbours import CITIES, City, samples
from engawa.supervisor import Part

APART: Final = 10_000
"""How far the ports of two cities on one machine lie apart. (DESIGN 1)"""
COOLDOWN: Final = 2_000
"""Milliseconds; whoever tries it shall see a town come back soon."""
MAP: Final = "/explorer/neighbours"


@dataclass(frozen=True, slots=True)
class Town:
    """A city of the neighbourhood: its broker's address, port and data folder."""

    city: City
    host: str
    port: int
    url: str
    data: Path

    def part(self, config: Path | None) -> Part:
        """Say how its broker is started."""
        arguments = ["run", "broker", "--host", self.host, "--port", str(self.port), "--data", str(self.data)]
        arguments += ["--alias", self.city.name, "--title", self.city.title]
        if config:
            arguments += ["--config", str(config)]
        return Part(self.city.name, tuple(arguments), self.url + "/health/ready")


def chosen(text: str) -> list[City]:
    """Read the names of cities, separated by commas."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = ", ".join(CITIES)
    if unknown := [name for name in names if name not in CITIES]:
        raise click.UsageError(f"no city is called '{unknown[0]}'; known are {known}")
    if len(names) != len(set(names)) or len(names) < 2:
        raise click.UsageError(f"--cities takes at least two different cities of {known}")
    return [CITIES[name] for name in names]


def towns(cities: Sequence[City], settings: BrokerSettings, offset: int, reachable: str) -> list[Town]:
    """Give each city its port and its folder."""
    last = settings.port + offset + APART * (len(cities) - 1)
    if last > 65_535:
        raise click.UsageError(
            f"the last city would get port {last}; name fewer cities or a smaller --offset"
        )
    folder = settings.data
    return [
        Town(
            city,
            settings.host,
            port := settings.port + offset + APART * number,
            f"http://{reachable}:{port}",
            folder.parent / city.name / folder.name,
        )
        for number, city in enumerate(cities)
    ]


async def settle(neighbourhood: Sequence[Town]) -> None:
    """Give each town its samples and register the towns with each other; what is there already stays."""
    for town in neighbourhood:
        async with connected(town.url) as destination:
            for _, alike in groupby(samples(town.city), key=lambda entity: str(entity["type"])):
                outcome = await synchronise(
                    destination, list(alike), frozenset(), settled=lambda held, name: True
                )
                for id, reason in outcome.refused.items():
                    raise Refused(f"the broker of {town.city.title} refused {id}: {reason}")
    async with connections() as session:
        for here, there in permutations(neighbourhood, 2):
            neighbour = Neighbour(there.url, alias=there.city.name, name=there.city.title, cooldown=COOLDOWN)
            try:
                await join(Talk(session, here.url), neighbour)
            except Unusable as error:
                raise Failure(
                    f"{here.city.title} cannot be joined with {there.city.title}: {error}"
                ) from error


def welcome(neighbourhood: Sequence[Town]) -> str:
    """Say what runs where, and what to try first."""
    lines = [
        f"  {town.city.title}  {town.url}/   {town.city.name}, data in {town.data}" for town in neighbourhood
    ]
    first = neighbourhood[0]
    return "\n".join(
        (
            "",
            f"Engawa is ready with {len(neighbourhood)} towns that ask each other (made-up samples).",
            "",
            *lines,
            "",
            "One map of all of them:",
            f"  {first.url}{MAP}",
            "",
            "Try first:",
            f"  curl '{first.url}/ngsi-ld/v1/entities?type={_shelter()}&format=simplified&count=true&limit=100' -i",
            f"  engawa federation status --broker {first.url}",
            "",
            "Ctrl-C ends it.",
            "",
        )
    )


def _shelter() -> str:
    return "https://datamodels.jp/ns/disaster/EvacuationShelter"
