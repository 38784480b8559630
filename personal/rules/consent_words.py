"""What changes for a resident, in words: between two versions of a service, and by a decision."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from personal.rules.catalogue import Change, Difference

Text = Mapping[str, str]
Labels = Mapping[str, Text]

_NEED: Final[Mapping[str, Text]] = {
    "required": {"ja": "必須", "en": "required"},
    "optional": {"ja": "任意", "en": "optional"},
}


def changes(found: Iterable[Difference], labels: Labels) -> list[dict[str, Any]]:
    """Say what a newer version of a service does otherwise; `wider`: it asks for more."""
    return [{**_change(one, labels), "wider": one.wider} for one in found]


def decided(
    agree: Iterable[str], refuse: Iterable[str], agreed: frozenset[str], labels: Labels
) -> list[Text]:
    """Say what a decision would change about each item; `agreed`: to what consent stands now."""
    told = [_agreeing(_label(item, labels), standing=item in agreed) for item in agree]
    return [*told, *(_refusing(_label(item, labels), standing=item in agreed) for item in refuse)]


def _agreeing(label: Text, *, standing: bool) -> Text:
    if standing:
        return {
            "ja": f"「{label['ja']}」への同意を更新します。",
            "en": f"Your consent to '{label['en']}' is renewed.",
        }
    return {"ja": f"「{label['ja']}」に新しく同意します。", "en": f"You newly agree to '{label['en']}'."}


def _refusing(label: Text, *, standing: bool) -> Text:
    if standing:
        return {
            "ja": f"「{label['ja']}」への同意を取り消します。",
            "en": f"Your consent to '{label['en']}' is withdrawn.",
        }
    return {"ja": f"「{label['ja']}」には同意しません。", "en": f"You do not agree to '{label['en']}'."}


def _change(one: Difference, labels: Labels) -> dict[str, str]:
    label = _label(one.item, labels)
    before, after = one.before, one.after
    if one.change in _PLAIN:
        return dict(_PLAIN[one.change])
    match one.change:
        case Change.OPERATOR:
            return {
                "ja": f"運営者が「{before}」から「{after}」に変わりました。",
                "en": f"The operator changed from '{before}' to '{after}'.",
            }
        case Change.PURPOSE if before is None:
            return {
                "ja": f"目的「{after['ja']}」が加わりました。",
                "en": f"The purpose '{after['en']}' was added.",
            }
        case Change.PURPOSE:
            return {
                "ja": f"目的「{before['ja']}」がなくなりました。",
                "en": f"The purpose '{before['en']}' was dropped.",
            }
        case Change.ITEM if before is None:
            return {
                "ja": f"「{label['ja']}」（{_NEED[after]['ja']}）を新しく求めます。",
                "en": f"'{label['en']}' ({_NEED[after]['en']}) is newly asked for.",
            }
        case Change.ITEM:
            return {
                "ja": f"「{label['ja']}」を求めなくなりました。",
                "en": f"'{label['en']}' is no longer asked for.",
            }
    return _of_item(one, label)


def _of_item(one: Difference, label: Text) -> dict[str, str]:
    before, after = one.before, one.after
    match one.change:
        case Change.NEED:
            return {
                "ja": f"「{label['ja']}」が{_NEED[before]['ja']}から{_NEED[after]['ja']}になりました。",
                "en": f"'{label['en']}' was {_NEED[before]['en']} and is now {_NEED[after]['en']}.",
            }
        case Change.RETENTION:
            return {
                "ja": f"「{label['ja']}」の保存期間が{before}日から{after}日に変わりました。",
                "en": f"'{label['en']}' is kept for {after} days instead of {before}.",
            }
        case Change.RECIPIENT if before is None:
            return {
                "ja": f"「{label['ja']}」の提供先に「{after}」が加わりました。",
                "en": f"'{label['en']}' now also goes to '{after}'.",
            }
        case Change.RECIPIENT:
            return {
                "ja": f"「{label['ja']}」は「{before}」に提供されなくなりました。",
                "en": f"'{label['en']}' no longer goes to '{before}'.",
            }
    ja, en = _TERMS[one.change]
    return {
        "ja": f"{ja}が「{before}」から「{after}」に変わりました。",
        "en": f"The {en} changed from '{before}' to '{after}'.",
    }


_PLAIN: Final[Mapping[Change, Text]] = {
    Change.NOTIFY: {
        "ja": "サービスに知らせを送る宛先が変わりました。",
        "en": "The address at which the service is told of changes is another one.",
    },
    Change.LOGIN: {
        "ja": "市のログインの使い方が変わりました。",
        "en": "How the service uses the city's login changed.",
    },
    Change.TEXT: {
        "ja": "名前や説明の文章、または連絡先が変わりました。",
        "en": "Its name, its description or how to reach it changed.",
    },
}
"""Said without what it was before: that means nothing to residents."""
_TERMS: Final[Mapping[Change, tuple[str, str]]] = {
    Change.REGISTERED_PURPOSE: ("登録された利用目的", "registered purpose"),
    Change.LEGAL_CLASS: ("法律上の区分", "legal class"),
    Change.BASIS: ("根拠", "basis"),
}


def _label(item: str, labels: Labels) -> Text:
    return labels.get(item, {"ja": item, "en": item})
