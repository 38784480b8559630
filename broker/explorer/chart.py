"""A map of points without any map service: places drawn to scale in a picture. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 480
_MARGIN: Final = 44
_DEGREE: Final = 111_195.0  # metres in a degree of latitude
_LEAST: Final = 400.0  # metres across at least, so that one place is not blown up
_ROUND: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Dot:
    """One place: where it is drawn, and the number of its entry in the list."""

    x: float
    y: float
    number: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture: dots, lines of the grid, and a scale bar."""

    dots: tuple[Dot, ...]
    vertical: tuple[float, ...]
    horizontal: tuple[float, ...]
    bar: float
    bar_metres: int
    here: Dot | None = None


def draw(
    places: Sequence[tuple[int, tuple[float, float]]], here: tuple[float, float] | None = None
) -> Chart | None:
    """Draw numbered places (latitude, longitude) as large as they fit; None when there is none."""
    spots = [place for _, place in places] + ([here] if here else [])
    if not spots:
        return None
    south, north = min(lat for lat, _ in spots), max(lat for lat, _ in spots)
    west, east = min(lon for _, lon in spots), max(lon for _, lon in spots)
    middle = (south + north) / 2, (west + east) / 2
    squeeze = max(0.05, math.cos(math.radians(middle[0])))
    across = max((east - west) * squeeze * _DEGREE, _LEAST)
    upwards = max((north - south) * _DEGREE, _LEAST)
    scale = min((WIDTH - 2 * _MARGIN) / across, (HEIGHT - 2 * _MARGIN) / upwards)  # points a metre

    def dot(number: int, place: tuple[float, float]) -> Dot:
        x = WIDTH / 2 + (place[1] - middle[1]) * squeeze * _DEGREE * scale
        y = HEIGHT / 2 - (place[0] - middle[0]) * _DEGREE * scale
        return Dot(round(x, 1), round(y, 1), number)

    metres = _round_length(140 / scale)
    step = metres * scale
    return Chart(
        tuple(dot(number, place) for number, place in places),
        _lines(WIDTH, step),
        _lines(HEIGHT, step),
        round(step, 1),
        metres,
        dot(0, here) if here else None,
    )


def _lines(length: int, step: float) -> tuple[float, ...]:
    first = (length / 2) % step
    return tuple(round(first + n * step, 1) for n in range(int((length - first) / step) + 1))


def _round_length(metres: float) -> int:
    power = 10 ** math.floor(math.log10(max(metres, 1.0)))
    return int(max(n * power for n in _ROUND if n * power <= max(metres, 1.0)))
