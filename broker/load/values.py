"""How published cells are read: codes, coordinates, flags, capacities. A doubt is told, never guessed away."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

# fmt: off
PREFECTURES: Final = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県",
    "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県",
    "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県",
    "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県",
    "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県",
    "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
)
# fmt: on
_PREFECTURE = re.compile("|".join(PREFECTURES))
SOUTH, NORTH, WEST, EAST = 20.0, 46.0, 122.0, 154.5  # 沖ノ鳥島 to 宗谷岬, 与那国島 to 南鳥島, with a margin
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,17})?\Z", re.ASCII)
_CAPACITY = re.compile(r"(約)?\s*(\d{1,3}(?:,\d{3})+|\d{1,7})\s*(?:人|名|人収容)?(程度)?\Z", re.ASCII)
_YES = frozenset("○〇◯◎●✓✔") | {"有", "はい", "true", "TRUE", "True", "yes", "YES"}
_NO = frozenset(
    {"0", "×", "✕", "✗", "-", "ー", "－", "―", "無", "なし", "いいえ", "false", "FALSE", "False", "no", "NO"}
)


class Unusable(ValueError):
    """A row cannot become an entity; the text is the reason."""


@dataclass(slots=True)
class Notes:
    """Remarks on a row that was used: what was read differently from how it stands."""

    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Keep a remark."""
        self.texts.append(text)


def plain(text: str) -> str:
    """Give the text with full-width letters and digits made plain, without blanks around."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def check_digit(five: str) -> str:
    """Compute the last digit of a local government code. (総務省, 全国地方公共団体コード仕様)"""
    total = sum(int(digit) * weight for digit, weight in zip(five, (6, 5, 4, 3, 2), strict=True))
    return str((11 - total % 11) % 10)


def government_code(text: str, prefecture: str, notes: Notes) -> str:
    """Give the six digits, putting back a lost leading zero or check digit; a prefecture settles doubts."""
    digits = plain(text).removesuffix(".0")
    if not digits.isascii() or not digits.isdigit() or not 4 <= len(digits) <= 6:
        raise Unusable(f"the local government code '{text[:20]}' is not a number of 6 digits")
    choices = _codes(digits)
    if len(choices) > 1 and prefecture in PREFECTURES:
        number = f"{PREFECTURES.index(prefecture) + 1:02}"
        choices = [code for code in choices if code.startswith(number)] or choices
    if len(choices) != 1:
        doubt = (
            "could stand for " + " or ".join(choices)
            if choices
            else "does not exist: its check digit or prefecture is wrong"
        )
        raise Unusable(f"the local government code '{text[:20]}' {doubt}")
    if digits != choices[0]:
        notes.add(f"the local government code '{digits}' was completed to {choices[0]}")
    return choices[0]


def _codes(digits: str) -> list[str]:
    padded = digits.zfill(6)
    choices = [padded] if check_digit(padded[:5]) == padded[5] else []
    if len(digits) < 6:
        five = digits.zfill(5)
        choices.append(five + check_digit(five))
    return [code for code in choices if 1 <= int(code[:2]) <= len(PREFECTURES)]


def coordinates(latitude: str | float, longitude: str | float) -> list[float] | None:
    """Give [longitude, latitude], or None when both are empty."""
    lat, lon = _degrees(latitude, "latitude"), _degrees(longitude, "longitude")
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        raise Unusable(f"the {'latitude' if lat is None else 'longitude'} is missing")
    if SOUTH <= lat <= NORTH and WEST <= lon <= EAST:
        return [lon, lat]
    if SOUTH <= lon <= NORTH and WEST <= lat <= EAST:
        raise Unusable(f"latitude {lat} and longitude {lon} are swapped")
    raise Unusable(f"latitude {lat}, longitude {lon} is out of range: not in Japan")


def _degrees(given: str | float, name: str) -> float | None:
    if isinstance(given, float):
        return given
    text = plain(given)
    if not text:
        return None
    if not _NUMBER.match(text):
        raise Unusable(f"the {name} '{given[:24]}' is not a number of degrees such as 35.4046")
    return float(text)


def flag(text: str, name: str, notes: Notes) -> bool:
    """Read a flag column: 1 or empty; other usual signs are read and told, anything else makes the row unusable."""
    if text == "1":
        return True
    if not text or not (sign := plain(text)):
        return False
    if sign == "1":
        return True
    if sign in _YES or text.strip() in _YES:
        notes.add(f"'{text.strip()}' in {name} was read as 1 (yes)")
        return True
    if sign in _NO or text.strip() in _NO:
        notes.add(f"'{text.strip()}' in {name} was read as empty (no)")
        return False
    raise Unusable(f"'{text[:20]}' in {name} is neither 1 nor empty")


def capacity(text: str, notes: Notes) -> int | None:
    """Read a number of people; None (and a remark) when the text holds more than one number says."""
    written = plain(text)
    if not written:
        return None
    shape = _CAPACITY.match(written)
    if not shape:
        notes.add(f"the capacity '{written[:40]}' is no plain number and was kept as text")
        return None
    if shape[1] or shape[3]:
        notes.add(f"the capacity '{written[:40]}' was read as {shape[2]}")
    return int(shape[2].replace(",", ""))


def number(text: str, name: str, notes: Notes) -> float | int | None:
    """Read a number such as an elevation; None and a remark when it is none."""
    written = plain(text).replace(",", "").removesuffix("m").strip()
    if not written:
        return None
    try:
        value = float(written)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        notes.add(f"'{text[:24]}' in {name} is not a number and was left out")
        return None
    return int(value) if value.is_integer() else value


def split_prefecture(text: str) -> tuple[str, str]:
    """Split 兵庫県養父市 into prefecture and the rest; the first is empty when there is none."""
    found = _PREFECTURE.match(text)
    return (found[0], text[found.end() :]) if found else ("", text)
