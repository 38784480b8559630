"""Services, versions, consents, emergencies, codes, names: shown is what the model allows. (DESIGN 3; issue 5)"""

from tests.personal.model.consenting import Consenting
from tests.personal.model.keeping import Keeping
from tests.personal.model.machine import lead
from tests.personal.model.sharing import Sharing


class Services(Consenting, Sharing, Keeping):
    """Residents who stay who they are, and services that change."""


def test_services_are_shown_what_the_model_allows_whatever_happens() -> None:
    lead(Services)
