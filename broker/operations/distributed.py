"""Whether a request is to be distributed, and as what it asks others. (4.3.6, 5.5.13, 6.3.18)"""

from base.errors import NonexistentTenant
from broker.federation import Asking, via
from broker.operations import asked
from broker.operations.call import Broker, Call


def asking(call: Call, broker: Broker) -> Asking | None:
    """Give the request as one that asks registered sources; None: it is local, or no source is registered."""
    try:
        register = broker.registry.of(call.tenant)
    except NonexistentTenant:  # one that this request makes
        return None
    if not len(register) or asked.flag(call.params, "local") or call.params.get("type") == "*":
        return None
    names = via.pseudonyms(call.headers.get("Via"))
    return Asking(
        call.tenant,
        call.context,
        call.now,
        names,
        call.headers,
        call.origin,
        call.caller,
        call.rights,
        call.holder,
    )
