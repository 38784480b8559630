"""Rows of the table of operations: disclosures, names at services, sharing codes, notices."""

from typing import Final

from personal.operations import bulk, disclosures, linked_data, naming, notices, sharing_codes
from personal.operations.actors import Role, Who
from personal.operations.call import Operation
from personal.rules.levels import Level

ANYBODY: Final = frozenset({Who.NOBODY})
SERVICE: Final = frozenset({Who.SERVICE})
RESIDENT: Final = frozenset({Who.RESIDENT})
STAFF: Final = frozenset({Who.STAFF})
COUNTER: Final = frozenset({Role.COUNTER, Role.PROTECTION})
PRIVACY: Final = frozenset({Role.PRIVACY})
_LD: Final = "/ngsi-ld/v1"

DISCLOSURES: Final[tuple[Operation, ...]] = (
    Operation("POST", "/disclosures", disclosures.disclose, SERVICE, schema=disclosures.DISCLOSE),
    Operation("POST", "/disclosures/bulk", bulk.disclose, SERVICE, schema=bulk.DISCLOSE),
    Operation(
        "POST",
        f"{_LD}/entityOperations/query",
        linked_data.query,
        SERVICE,
        schema=linked_data.QUERY,
        params=linked_data.PARAMETERS,
        also=linked_data.ALSO,
    ),
    Operation("GET", f"{_LD}/entities/{{id}}", linked_data.no_url_of_one, ANYBODY),
)

NAMES: Final[tuple[Operation, ...]] = (
    Operation("POST", "/pseudonyms", naming.give, STAFF, roles=COUNTER, schema=naming.GIVE),
    Operation(
        "POST",
        "/pseudonyms/rotate",
        naming.rotate,
        RESIDENT | STAFF,
        roles=COUNTER,
        level=Level.CARD,
        schema=naming.ROTATE,
    ),
    Operation("GET", "/me/pseudonyms", naming.list_own, RESIDENT, level=Level.CARD),
    Operation(
        "POST", "/me/sharing-codes", sharing_codes.make, RESIDENT, level=Level.CARD, schema=sharing_codes.MAKE
    ),
    Operation("DELETE", "/me/sharing-codes", sharing_codes.withdraw, RESIDENT, level=Level.CARD),
    Operation("POST", "/sharing-codes/redeem", sharing_codes.redeem, SERVICE, schema=sharing_codes.REDEEM),
)

NOTICES: Final[tuple[Operation, ...]] = (
    Operation("GET", "/notices", notices.list_notices, SERVICE, params=frozenset({"limit"})),
    Operation("POST", "/notices/{id}/confirm", notices.confirm, SERVICE),
    Operation("GET", "/notices/overdue", notices.list_overdue, STAFF, roles=PRIVACY),
)

OPERATIONS: Final = DISCLOSURES + NAMES + NOTICES
