"""Values in contextSourceInfo that are credentials: taken and sent, but shown to nobody. (4.3.6.5, 5.2.22)"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from base.credentials import SECRET
from base.errors import BadRequestData

HIDDEN: Final = "urn:engawa:hidden"
"""What stands for such a value in answers; in an update it keeps the value as it is."""
OF_REQUEST: Final = "urn:ngsi-ld:request"

_KEYS: Final = re.compile(r"auth|cookie|token|key|secret|passw|credential|session", re.IGNORECASE)

Body = dict[str, Any]


def masked(pairs: Sequence[Mapping[str, str]]) -> list[Body]:
    """Write pairs as readers may see them."""
    return [{**pair, "value": HIDDEN} if _is_confidential(pair) else dict(pair) for pair in pairs]


def restored(current: Mapping[str, Any], changed: Body) -> Body:
    """Put the present values in the place of what stands for them. (5.9.3.4)

    Credentials given for one endpoint do not go to another: whoever changes the endpoint gives them anew."""
    pairs = changed.get("contextSourceInfo", ())
    if not pairs:
        return changed
    before = {pair["key"].lower(): pair["value"] for pair in current.get("contextSourceInfo", ())}
    made = [_restored(pair, before) for pair in pairs]
    if current and _place(current["endpoint"]) != _place(changed["endpoint"]):
        untouched = changed["contextSourceInfo"] is current.get("contextSourceInfo")
        for given, pair in zip(pairs, made, strict=True):
            if _is_confidential(pair) and (untouched or given["value"] == HIDDEN):
                raise BadRequestData(
                    f"The endpoint changes: give the value of {pair['key']} in contextSourceInfo anew."
                )
    return {**changed, "contextSourceInfo": made}


def _is_confidential(pair: Mapping[str, str]) -> bool:
    value = pair["value"]
    return (
        bool(_KEYS.search(pair["key"]))
        and not pair["key"].startswith("urn:")
        and value != OF_REQUEST
        and not value.startswith(SECRET)
    )


def _restored(pair: Body, before: Mapping[str, str]) -> Body:
    if pair["value"] != HIDDEN:
        return pair
    value = before.get(pair["key"].lower())
    if value is None:
        raise BadRequestData(f"{HIDDEN} keeps a value that is there; {pair['key']} has none: give it.")
    return {**pair, "value": value}


def _place(endpoint: str) -> tuple[str, str]:
    parts = urlsplit(endpoint)
    return parts.scheme, parts.netloc.lower()
