"""The module of the demonstration, and readers of its pages, as for the pages of staff."""

from tests.personal.pages.conftest import reader, yabu

__all__ = ["reader", "yabu"]
