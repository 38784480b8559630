"""What of a history is written and how long it is kept: rules of a tenant, as data. (docs/history.md)"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, cast

from base.clock import SECOND
from base.errors import BadRequestData

Method = Literal["avg", "min", "max", "last"]
METHODS: Final = ("avg", "min", "max", "last")
DAY: Final = 86_400 * SECOND
ON: Final = "on"
OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long instances are kept; the first rule that names the type and the attribute counts.

    type, attribute: an IRI or its last part, '' for any. After `raw_days` one value per `period` (seconds) stays,
    made by `method`; after `drop_days` nothing does. None: never.
    """

    type: str = ""
    attribute: str = ""
    raw_days: float | None = None
    period: int = 3_600
    method: Method = "avg"
    drop_days: float | None = None

    def thins_before(self, now: int) -> int | None:
        """Give the time before which only one value per period stays: the end of a period."""
        if self.raw_days is None:
            return None
        step = self.period * SECOND
        return (now - int(self.raw_days * DAY)) // step * step

    def drops_before(self, now: int) -> int | None:
        """Give the time before which nothing stays: whole periods, where one value stands for each."""
        if self.drop_days is None:
            return None
        step = 1 if self.raw_days is None else self.period * SECOND
        return (now - int(self.drop_days * DAY)) // step * step


@dataclass(frozen=True, slots=True)
class Policy:
    """What a tenant's history holds: for which types it is written, whether it outlives its entity, the rules."""

    record: tuple[str, ...] = (ON,)
    keep_deleted: bool = True
    rules: tuple[Retention, ...] = ()
    _all: bool = field(init=False, repr=False, compare=False, default=True)
    _none: bool = field(init=False, repr=False, compare=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_all", self.record == (ON,))
        object.__setattr__(self, "_none", self.record in ((OFF,), ()))

    def records(self, types: Iterable[str]) -> bool:
        """Say whether the changes of an entity of these types are written to its history."""
        return self._all or (not self._none and any(_names(self.record, type_) for type_ in types))

    def rule_for(self, types: Iterable[str], attribute: str) -> Retention | None:
        """Give the rule for an attribute of an entity of these types."""
        several = tuple(types)
        for rule in self.rules:
            if rule.type and not any(_names((rule.type,), type_) for type_ in several):
                continue
            if not rule.attribute or _names((rule.attribute,), attribute):
                return rule
        return None

    def body(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return {
            "record": list(self.record),
            "keepDeleted": self.keep_deleted,
            "rules": [asdict(rule) for rule in self.rules],
        }


def policy(body: Mapping[str, Any], otherwise: Policy) -> Policy:
    """Read a policy from a JSON object; members that are absent are as in another one."""
    return Policy(
        record(body["record"]) if "record" in body else otherwise.record,
        bool(body.get("keepDeleted", otherwise.keep_deleted)),
        tuple(map(retention, body["rules"])) if "rules" in body else otherwise.rules,
    )


def record(names: Iterable[str]) -> tuple[str, ...]:
    """Read for which types history is written: 'on', 'off', or names of types."""
    given = tuple(names)
    if len(given) > 1 and (ON in given or OFF in given):
        raise BadRequestData("history is 'on', 'off', or names of entity types; do not mix them")
    return given or (OFF,)


def retention(body: Mapping[str, Any]) -> Retention:
    """Read one rule; BadRequestData says what is wrong."""
    unknown = set(body) - set(Retention.__slots__)
    if unknown:
        raise BadRequestData(f"a rule of history has no member '{min(unknown)[:40]}'; see docs/history.md")
    rule = Retention(
        type=_text(body, "type"),
        attribute=_text(body, "attribute"),
        raw_days=_days(body, "raw_days"),
        period=_period(body.get("period", 3_600)),
        method=_method(body.get("method", "avg")),
        drop_days=_days(body, "drop_days"),
    )
    if rule.raw_days is None and rule.drop_days is None:
        raise BadRequestData("a rule of history needs raw_days, drop_days or both")
    if rule.raw_days is not None and rule.drop_days is not None and rule.drop_days <= rule.raw_days:
        raise BadRequestData("a rule of history drops later than it thins: drop_days is more than raw_days")
    return rule


def _text(body: Mapping[str, Any], name: str) -> str:
    held = body.get(name) or ""
    if not isinstance(held, str):
        raise BadRequestData(f"'{name}' of a rule of history is a name or an IRI")
    return held


def _days(body: Mapping[str, Any], name: str) -> float | None:
    held = body.get(name)
    if held is None:
        return None
    if isinstance(held, bool) or not isinstance(held, int | float) or not 0 <= held <= 100_000:
        raise BadRequestData(f"'{name}' of a rule of history is a number of days, 0 to 100000")
    return float(held)


def _period(held: Any) -> int:
    if isinstance(held, bool) or not isinstance(held, int) or not 1 <= held <= 366 * 86_400:
        raise BadRequestData("'period' of a rule of history is a number of seconds, one to a year")
    return held


def _method(held: Any) -> Method:
    if held not in METHODS:
        raise BadRequestData(f"'method' of a rule of history is one of {', '.join(METHODS)}")
    return cast(Method, held)


def _names(wanted: Iterable[str], iri: str) -> bool:
    """Say whether one of the names is the IRI or its last part."""
    last = iri.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2]
    return any(name in (iri, last) for name in wanted)
