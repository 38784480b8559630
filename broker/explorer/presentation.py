"""Entities as a person reads them: titles, labels, values. Pure."""

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas import catalogue

_VALUES: Final = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
_FACTS: Final = ("observedAt", "unitCode", "datasetId", "expiresAt", "modifiedAt")
_HIDDEN: Final = frozenset({"id", "type", "scope", "@context", "createdAt", "modifiedAt", "expiresAt"})
_INSIDE: Final = frozenset({"type", "createdAt", "valueType", "objectType", *_FACTS, *_VALUES.values()})
_NAMES: Final = ("name", "title", "nameKana")
_WEB = re.compile(r"https?://[^\s<>\"]+\Z")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]")
MOST_TEXT: Final = 2_000
_JAPAN: Final = datetime.timezone(datetime.timedelta(hours=9), "JST")
_TIMES: Final = frozenset({"observedAt", "expiresAt", "modifiedAt"})


@dataclass(frozen=True, slots=True)
class Value:
    """A value to show: a text with its language and where it leads, or parts of it with labels."""

    text: str = ""
    language: str = ""
    href: str = ""
    entity: str = ""
    parts: tuple[tuple[str, "Value"], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One instance of an attribute."""

    kind: str
    value: Value
    facts: tuple[tuple[str, str], ...] = ()
    inner: tuple["Attribute", ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute with its label and all its instances."""

    term: str
    label: str
    instances: tuple[Shown, ...] = field(default=())


def title(entity: Mapping[str, Any], language: str) -> str:
    """Give what a person would call a simplified or normalized entity; its id if nothing better is known."""
    candidates = [*_NAMES, *(key for key in entity if re.search(r"[/#:]name\Z", key))]
    if language == "en":
        candidates.insert(0, "nameEn")
    for name in candidates:
        if text := _said(entity.get(name), language).strip():
            return text[:200]
    return str(entity.get("id", ""))


def _said(value: Any, language: str) -> str:
    if isinstance(value, list):
        return _said(value[0], language) if value else ""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    if "dataset" in value:  # several instances in the simplified form
        several = value["dataset"]
        return _said(next(iter(several.values()), ""), language) if isinstance(several, dict) else ""
    texts = value.get("languageMap", value.get("value", value))
    if isinstance(texts, dict):
        texts = texts.get(language) or texts.get("@none") or texts.get("ja") or next(iter(texts.values()), "")
    return _said(texts, language) if not isinstance(texts, dict) else ""


def types(entity: Mapping[str, Any]) -> list[str]:
    """List the types of an entity as it names them."""
    named = entity.get("type", [])
    return [str(t) for t in named] if isinstance(named, list) else [str(named)]


def type_label(name: str, language: str) -> str:
    """Give what people call an entity type."""
    label = catalogue.labels().types.get(_iri(name))
    return label[language] if label else short(name)


def attribute_label(name: str, language: str) -> str:
    """Give what people call an attribute."""
    label = catalogue.labels().attributes.get(_iri(name))
    return label[language] if label else short(name)


def value_label(name: str, value: Any, language: str) -> str | None:
    """Give what people call a coded value of an attribute."""
    labels = catalogue.labels().values.get(_iri(name), {})
    label = labels.get(value) if isinstance(value, str) else None
    return label[language] if label else None


def short(name: str) -> str:
    """Give the last part of an IRI, or the name itself."""
    return re.split(r"[/#]", name.rstrip("/#"))[-1] or name if "://" in name else name


def language_of_text(text: str) -> str:
    """Name the language to mark a text with: Japanese if it has Japanese letters, else none."""
    return "ja" if _JAPANESE.search(text) else ""


def facts(entity: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what every entity says of itself: key of the text, content."""
    scopes = entity.get("scope") or []
    said = [
        ("id", entity.get("id")),
        ("type", ", ".join(types(entity))),
        ("scope", ", ".join(map(str, scopes)) if isinstance(scopes, list) else scopes),
        ("created", time(entity.get("createdAt"))),
        ("modified", time(entity.get("modifiedAt"))),
        ("expiresAt", time(entity.get("expiresAt"))),
    ]
    return [(key, str(text)) for key, text in said if text]


def time(text: Any) -> str:
    """Write a DateTime in Japanese time, to the second; as it is when it is none."""
    try:
        moment = datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return f"{moment.astimezone(_JAPAN):%Y-%m-%d %H:%M:%S %Z}"
    except (ValueError, OverflowError):
        return str(text or "")


def attributes(entity: Mapping[str, Any], language: str) -> list[Attribute]:
    """Arrange the attributes of a normalized entity."""
    return list(_attributes(entity, _HIDDEN, language, entity.get("createdAt")))


def _attributes(
    holder: Mapping[str, Any], hidden: frozenset[str], language: str, since: Any
) -> Iterator[Attribute]:
    for name, content in holder.items():
        if name in hidden:
            continue
        instances = content if isinstance(content, list) else [content]
        shown = tuple(_instance(name, i, language, since) for i in instances if isinstance(i, dict))
        if shown:
            yield Attribute(name, attribute_label(name, language), shown)


def _instance(name: str, instance: Mapping[str, Any], language: str, since: Any) -> Shown:
    kind = str(instance.get("type", ""))
    member = _VALUES.get(kind, "value")
    raw = instance.get(member)
    relation = kind in ("Relationship", "ListRelationship")
    facts = tuple(
        (fact, time(instance[fact]) if fact in _TIMES else str(instance[fact]))
        for fact in _FACTS
        if fact in instance and not (fact == "modifiedAt" and instance[fact] == since)
    )
    inner = tuple(_attributes(instance, _INSIDE, language, since))
    return Shown(kind, _value(name, raw, language, relation=relation), facts, inner)


def _value(name: str, raw: Any, language: str, *, relation: bool = False, depth: int = 0) -> Value:
    if isinstance(raw, bool):
        return Value({"ja": ("いいえ", "はい"), "en": ("no", "yes")}[language][raw])
    if isinstance(raw, dict) and raw.get("type") == "Point" and isinstance(raw.get("coordinates"), list):
        return _text(", ".join(str(number) for number in raw["coordinates"][1::-1]))
    if isinstance(raw, dict) and raw and depth < 3 and "coordinates" not in raw:
        if "@value" in raw:
            return _value(name, raw["@value"], language)
        parts = (
            (attribute_label(k, language), _value(k, v, language, depth=depth + 1)) for k, v in raw.items()
        )
        return Value(parts=tuple(parts))
    if isinstance(raw, list) and raw and all(isinstance(one, str) for one in raw) and not relation:
        between = "、" if language == "ja" else ", "
        return _text(between.join(value_label(name, one, language) or one for one in raw))
    if isinstance(raw, list) and relation:
        return Value(
            parts=tuple((str(n), _value(name, one, language, relation=True)) for n, one in enumerate(raw, 1))
        )
    if isinstance(raw, str):
        text = _text(value_label(name, raw, language) or raw)
        if relation:
            return Value(text.text, entity=raw)
        return Value(text.text, text.language, href=raw) if _WEB.match(raw) else text
    return _text(json.dumps(raw, ensure_ascii=False))


def _text(text: str) -> Value:
    text = text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "…"
    return Value(text, language_of_text(text))


def summary(entity: Mapping[str, Any], language: str) -> list[Value]:
    """Give the few things worth a line in a list, from a simplified entity."""
    lines: list[Value] = []
    address = entity.get("address")
    if isinstance(address, dict) and isinstance(address.get("addressText"), str):
        lines.append(_text(address["addressText"]))
    for name in ("openingStatus", "crowdingLevel", "facilityCategory", "shelterType"):
        if label := value_label(name, entity.get(name), language):
            lines.append(_text(label))
    for name in ("temperature", "precipitation", "currentLevel", "evacueeTotal", "maxCapacity"):
        if isinstance(number := entity.get(name), int | float) and not isinstance(number, bool):
            lines.append(_text(f"{attribute_label(name, language)} {number:,}"))
    return lines


def hazards(entity: Mapping[str, Any], language: str) -> list[str]:
    """Name the hazards a simplified place is designated for."""
    codes = entity.get("hazardTypes")
    codes = [codes] if isinstance(codes, str) else codes if isinstance(codes, list) else []
    return [value_label("hazardTypes", code, language) or str(code) for code in codes]


def pretty(body: Any) -> str:
    """Write JSON for reading."""
    return json.dumps(body, ensure_ascii=False, indent=2)


def length(metres: float) -> str:
    """Write a length as people say it."""
    if metres < 995:
        return f"{round(metres, -1) if metres >= 100 else round(metres):.0f} m"
    return f"{metres / 1000:.1f} km" if metres < 100_000 else f"{metres / 1000:,.0f} km"


def hazard_choices(language: str) -> list[tuple[str, str]]:
    """List the hazards one can ask for: code and name."""
    return [(code, label[language]) for code, label in catalogue.labels().values[_iri("hazardTypes")].items()]


def _iri(name: str) -> str:
    try:
        return catalogue.iri(name)
    except KeyError:
        return name
