"""Made-up cards for the lives in a browser."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.desk.emulator import cards
from adapters.desk.emulator.cards import Made
from engawa.demo.desk import people


@pytest.fixture(scope="session")
def card_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("life-cards")
    cards.issue(folder, people(), cards.now())
    return folder


@pytest.fixture(scope="session")
def issued(card_folder: Path) -> Mapping[str, Made]:
    return {one.blueprint.id: one for one in cards.present(card_folder)}
