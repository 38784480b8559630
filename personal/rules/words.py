"""What an entry of the audit log means in plain words, for the resident it is about."""

from collections.abc import Mapping
from typing import Any, Final

ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "disclosure": ("同意にもとづいて情報を渡しました", "Data was given out as you agreed"),
    "disclosure-refused": (
        "求められましたが、情報は渡しませんでした",
        "Data was asked for and not given out",
    ),
    "disclosure-failed": (
        "情報を渡す途中で失敗し、届きませんでした",
        "Giving out data failed; it did not arrive",
    ),
    "emergency-disclosure": (
        "災害などの緊急時に情報を渡しました",
        "Data was given out in a declared emergency",
    ),
    "statutory-disclosure": ("法律にもとづいて情報を渡しました", "Data was given out as a law demands"),
    "break-glass": (
        "命を守るため、職員一人の判断で情報を見ました",
        "One official looked at data to save a life",
    ),
    "record-written": ("情報を登録・変更しました", "Data was written or changed"),
    "record-read": ("職員が情報を見ました", "Staff looked at data"),
    "record-erased": ("情報を消去しました", "Data was erased"),
    "own-record-read": ("本人が自分の情報を見ました", "You looked at your own data"),
    "records-listed": ("職員が、どの情報があるかを見ました", "Staff looked at which data there is"),
    "own-records-listed": ("本人が、どの情報があるかを見ました", "You looked at which data there is"),
    "record-erasure-held": (
        "消去の求めを受けました。法令などにより、定めの日まで使わずに保管します",
        "Erasure was asked for; the data is kept, out of use, until a day that a law or proceeding sets",
    ),
    "record-hold-set": (
        "法令などにより、定めの日まで情報を消去しないことにしました",
        "Data is kept until a day that a law or proceeding sets",
    ),
    "record-hold-lifted": ("情報を消去できない期間を終えました", "Data may be erased again"),
    "location-chosen": ("情報の保管場所を選びました", "A place where data is kept was chosen"),
    "record-moved": ("情報の保管場所を変えました", "The place where data is kept was changed"),
    "consent-given": ("同意しました", "Consent was given"),
    "consent-withdrawn": ("同意を取り消しました", "Consent was withdrawn"),
    "consent-refused": ("同意しませんでした", "Consent was refused"),
    "exchange-disclosure": (
        "ほかの自治体を通じて情報を渡しました",
        "Data was given out through another municipality",
    ),
    "export": ("自分の情報を書き出しました", "Your data was exported"),
}


def action(kind: str) -> dict[str, str]:
    """Say what an entry of a kind means."""
    ja, en = ACTIONS.get(kind, ("情報を取り扱いました", "Data was processed"))
    return {"ja": ja, "en": en}


def sentence(facts: Mapping[str, Any], language: str = "ja") -> str:
    """Say in one line what happened and for what purpose."""
    told = action(facts["kind"])[language]
    purpose = facts.get("purpose")
    return f"{told} ({purpose})" if purpose else told
