"""The versions in use."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import apsw


def versions() -> dict[str, str]:
    """Name Engawa, Python and the libraries a report of a fault should mention."""
    try:
        own = installed("engawa")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "engawa": own,
        "ngsi-ld": "1.9.1",
        "python": platform.python_version(),
        "aiohttp": installed("aiohttp"),
        "sqlite": apsw.sqlite_lib_version(),
    }
