"""`python -m tests.trials._reset URL…`: empty brokers over their API, so that one group of a suite leaves nothing to the next."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

LISTS = (
    ("/csourceRegistrations", "type=*"),
    ("/subscriptions", ""),
    ("/csourceSubscriptions", ""),
    *(
        (
            "/temporal/entities",
            f"local=true&timerel=after&timeAt=1900-01-01T00:00:00Z&lastN=1&timeproperty={time}",
        )
        for time in ("observedAt", "createdAt")
    ),
)
PAGE = 100


def main() -> None:
    """Empty each broker named."""
    for text in sys.argv[1:]:
        url = text.rstrip("/").removesuffix("/ngsi-ld/v1") + "/ngsi-ld/v1"
        send("DELETE", f"{url}/entities?local=true")
        for path, query in LISTS:
            for id in list(ids(f"{url}{path}?{query}&limit={PAGE}")):
                send("DELETE", f"{url}{path}/{urllib.parse.quote(id, safe=':')}")


def ids(url: str) -> Iterator[str]:
    """Name what a list holds, page after page."""
    offset = 0
    while True:
        page = send("GET", f"{url}&offset={offset}")
        yield from (one["id"] for one in page or ())
        if not page or len(page) < PAGE:
            return
        offset += PAGE


def send(method: str, url: str) -> Any:
    """Send a request; a refusal gives nothing, for something may be gone already."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            raw = answer.read()
    except urllib.error.HTTPError:
        return None
    return json.loads(raw) if raw else None


if __name__ == "__main__":
    main()
