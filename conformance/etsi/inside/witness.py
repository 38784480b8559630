"""What we have inside a robot process: it sees each test and its requests, sets limits, and writes what it saw.

It runs in the suite's Python, where nothing of ours is installed.
"""

import importlib
import json
import time
from typing import Any

MOST_BYTES = 20_000
MOST_EXCHANGES = 60


class Witness:
    """A listener of Robot Framework; one JSON line per test."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, out: str, test_seconds: str, http_seconds: str) -> None:
        self._out = open(out, "a", encoding="utf-8", buffering=1)  # noqa: SIM115, PTH123 - open until the process ends
        self._test_seconds = test_seconds
        self._http_seconds = float(http_seconds)
        self._exchanges: list[dict[str, Any]] = []
        self._failed_at: dict[str, int] = {}
        self._planned = False
        self._watch()

    def start_suite(self, data: Any, result: Any) -> None:
        """Name all tests once, and give those of this suite their limit."""
        if not self._planned:
            self._planned = True
            for test in data.all_tests:
                self._write({"planned": self._about(test)})
        for test in data.tests:
            if not test.timeout:
                test.timeout = f"{self._test_seconds} seconds"

    def start_test(self, data: Any, result: Any) -> None:
        """Forget the requests of the test before."""
        self._exchanges = []
        self._failed_at = {}

    def end_keyword(self, data: Any, result: Any) -> None:
        """Keep which request was the last when something failed: tests clean up after that."""
        if result.status == "FAIL":
            self._failed_at.setdefault(getattr(result, "message", ""), len(self._exchanges) - 1)

    def end_test(self, data: Any, result: Any) -> None:
        """Write what came of a test."""
        self._write(
            {
                **self._about(data),
                "status": result.status,
                "message": result.message[:MOST_BYTES],
                "seconds": result.elapsed_time.total_seconds(),
                "shown": self._failed_at.get(result.message, len(self._exchanges) - 1),
                "exchanges": self._exchanges[:MOST_EXCHANGES],
            }
        )

    def _about(self, test: Any) -> dict[str, Any]:
        return {"name": test.name, "source": str(test.source), "doc": test.doc, "tags": list(test.tags)}

    def _write(self, value: dict[str, Any]) -> None:
        self._out.write(json.dumps(value) + "\n")

    def _watch(self) -> None:
        """See each request that goes through `requests`, and give it a limit if it has none."""
        session_class: Any = importlib.import_module("requests").Session
        send = session_class.send

        def watched(session: Any, request: Any, **options: Any) -> Any:
            if options.get("timeout") is None:
                options["timeout"] = self._http_seconds
            started = time.monotonic()
            seen = {
                "method": request.method,
                "url": request.url,
                "requestHeaders": [[k, _text(v)] for k, v in request.headers.items()],
                "requestBody": _text(request.body),
                "status": 0,
                "reason": "",
                "headers": [],
                "body": "",
                "problem": "",
                "note": "",
            }
            self._exchanges.append(seen)
            try:
                response = send(session, request, **options)
            except Exception as error:
                seen["problem"] = f"{type(error).__name__}: {error}"
                raise
            finally:
                seen["seconds"] = time.monotonic() - started
            seen.update(
                status=response.status_code,
                reason=response.reason or "",
                headers=[[k, v] for k, v in response.headers.items()],
                body=_text(response.content),
            )
            return response

        session_class.send = watched


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:MOST_BYTES]
