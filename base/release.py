"""Which release of Engawa this is."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """Give the version of the installed package."""
    try:
        return installed("engawa")
    except PackageNotFoundError:
        return "0.0.0"
