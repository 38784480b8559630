"""What a service can do about an item that is withheld, in words that it may show to the resident."""

from collections.abc import Mapping
from typing import Any, Final

from personal.rules.disclosure import Reason

_CATALOGUE: Final = (
    "この目的でこの項目を求めるには、カタログへの登録と承認が必要です。",
    "Have the item approved in the catalogue for this purpose first.",
)
_ASK: Final = (
    "市の本人ページまたは窓口で、本人に同意を求めてください。",
    "Ask the resident to consent on the city's pages or at the counter.",
)
_LATER: Final = (
    "保管場所につながりません。時間をおいて、もう一度求めてください。",
    "The place where it is kept cannot be reached; ask again later.",
)
HOW: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.NOT_OFFERED: _CATALOGUE,
    Reason.NO_CONSENT: _ASK,
    Reason.PENDING_CONSENT: (
        "本人の返事を待っています。返事があるまでお待ちください。",
        "The resident was asked and has not answered yet; wait for the answer.",
    ),
    Reason.REFUSED: (
        "本人は同意しませんでした。改めて求める前に、本人と話してください。",
        "The resident said no; speak with them before asking again.",
    ),
    Reason.WITHDRAWN: (
        "同意は取り消されました。受け取った情報は消去の対象です。",
        "Consent was withdrawn; what was received has to be erased.",
    ),
    Reason.EXPIRED: (
        "同意の期限が過ぎました。続けるには、改めて同意を求めてください。",
        "Consent has expired; ask for it again to go on.",
    ),
    Reason.NEW_VERSION: (
        "求める内容が広がったため、新しい同意が必要です。",
        "The service asks for more than was agreed to; ask for consent to the new version.",
    ),
    Reason.NOTHING_HELD: (
        "この項目の情報はありません。必要なら本人に直接たずねてください。",
        "Nothing of this is held; ask the resident directly if it is needed.",
    ),
    Reason.PENDING: _LATER,
    Reason.STORE_OFFLINE: _LATER,
    Reason.NOT_RELEASED: (
        "庁内の保管庫が、本人の同意の証拠を確かめられませんでした。カードを使って同意するよう求めてください。",
        "The store inside found no evidence that the resident agreed; ask them to consent with their card.",
    ),
    Reason.UNREADABLE: (
        "記録を読み出せません。市の担当者に連絡してください。",
        "The record cannot be read; tell the municipality.",
    ),
}


def told(item: str, reason: Reason) -> dict[str, Any]:
    """Say that an item is withheld, why, and what can be done."""
    ja, en = HOW[reason]
    return {"item": item, "reason": reason, "how": {"ja": ja, "en": en}}
