"""JSON Schema as requests are checked by it. (JSON Schema 2020-12)"""

from typing import Any

import pytest

from base import forms


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (0, True),
        (-5, True),
        (2**63 - 1, True),
        (2**63, False),
        (1.0, False),
        (1e30, False),
        (True, False),
        ("1", False),
    ],
)
def test_an_integer_is_what_databases_take_for_one(value: Any, good: bool) -> None:
    found = forms.fault(forms.validator({"type": "integer"}), value)
    assert found == (None if good else "the body must be of type integer.")
