"""The module of the demonstration, and readers of its pages, as for the pages of staff."""

from tests.personal.pages.conftest import demonstration, reader, yabu

__all__ = ["demonstration", "reader", "yabu"]
