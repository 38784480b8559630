"""What is known of each kind of card, in one table; nothing else knows files, names or lengths of cards.

Sources: jpki/myna, OpenSC, soltia48/myna-card; the specification of J-LIS is not public. No profile knows the file of
個人番号, nor the secret that opens it (照合番号A): what is not here cannot be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

JPKI: Final = bytes.fromhex("D392F000260100000001")
"""公的個人認証: certificates and their keys."""
INPUT_HELP: Final = bytes.fromhex("D3921000310001010408")
"""券面事項入力補助: what is printed on the card, as text."""
LABEL: Final = 0x0006
"""The file of the application of certificates that names the token."""
FELICA: Final = bytes.fromhex("A00000030611")
"""What the answer to reset made by a reader says of a FeliCa card. (PC/SC part 3, 3.1.3.2.3)"""


@dataclass(frozen=True, slots=True)
class FourItems:
    """Where name, address, birth date and sex are, and which secrets open them."""

    file: int = 0x0002
    pin: int = 0x0011
    number: int = 0x0015  # 照合番号B


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of card: how it names itself, where things are, how many digits its PIN has.

    token: what kind it is called to the server; four: None where it has no 券面事項.
    """

    name: str
    token: str
    label: bytes
    called: Mapping[str, str]
    certificate: int = 0x000A
    key: int = 0x0017
    pin: int = 0x0018
    digits: int = 4
    four: FourItems | None = None


PROFILES: Final = (
    Profile(
        "mynumber",
        "card",
        b"JPKIAPICCTOKEN2",
        {"ja": "マイナンバーカード", "en": "My Number Card"},
        four=FourItems(),
    ),
    Profile(
        "android",
        "android",
        b"JPKIAPGPSETOKEN",
        {"ja": "スマホのマイナンバーカード（Android）", "en": "My Number Card in a phone (Android)"},
    ),
    Profile(
        "iphone",
        "iphone",
        b"JPKIAPIOSTOKEN",
        {"ja": "スマホのマイナンバーカード（iPhone）", "en": "My Number Card in a phone (iPhone)"},
    ),
    # planned for FY2028; what is public says P-384 and ten years, and nothing yet of labels and files
    Profile(
        "next",
        "card",
        b"JPKIAPICCTOKEN3",
        {"ja": "次期マイナンバーカード（計画）", "en": "Next My Number Card (planned)"},
    ),
)
"""Every kind of card with which one logs in."""


def known_by(label: bytes) -> Profile | None:
    """Find the profile of a card by how it names itself."""
    plain = label.rstrip(b" \x00\xff")
    return next((one for one in PROFILES if plain.startswith(one.label)), None)
