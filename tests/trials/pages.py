"""Every page of residents, staff, login and terminal in a browser, in Japanese on a phone and in English at a desk: no barrier."""

import os
import subprocess
import sys
import time

from tests.trials import fail, record

TRIAL = "pages"
WALKS = ("tests/personal/pages/test_browser.py", "tests/personal/life/test_pages_list.py")


def main() -> None:
    """Run it and record it."""
    load, began = os.getloadavg()[0], time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *WALKS],
        env={**os.environ, "ENGAWA_EVERY_READER": "1"},
        check=False,
    )
    if done.returncode:
        fail(TRIAL, "a page has a barrier, or none looked at it: pytest says above which")
    took = time.monotonic() - began
    record(
        TRIAL,
        "every page was walked over in Japanese at 375 to 390 px and in English at 1280 px: axe-core (WCAG 2.2 A and AA, "
        f"best practice) found nothing, nothing scrolled sideways; {took:.0f} s; load before {load:.1f}",
    )


if __name__ == "__main__":
    main()
