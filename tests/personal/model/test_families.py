"""Guardians, doubles, deaths, protection: who acts for whom, and what is seen of whom, is as in the model. (DESIGN 3)"""

from tests.personal.model.guarding import Guarding
from tests.personal.model.machine import lead


class Families(Guarding):
    """Residents to whom things happen, and who act for each other."""


def test_residents_act_for_each_other_and_are_seen_as_the_model_says() -> None:
    lead(Families)
