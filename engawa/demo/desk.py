"""The demonstration's card terminal: made-up cards of the made-up residents."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "residents.json"


def people() -> Mapping[str, Mapping[str, str]]:
    """Give what is printed on the made-up residents' cards, by their logins."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {one["login"]: one["items"]["basic-four"] for one in content["residents"]}
