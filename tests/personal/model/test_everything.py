"""All that can happen, and records in a vault elsewhere whose line is cut now and then. (DESIGN 3; issue 5)"""

from tests.personal.model.guarding import Guarding
from tests.personal.model.machine import lead
from tests.personal.model.sharing import Sharing


class Everything(Sharing, Guarding):
    """Everything at once."""


def test_everything_at_once_is_as_the_model_says() -> None:
    lead(Everything, vault=True)
