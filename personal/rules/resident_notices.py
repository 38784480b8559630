"""What residents are told of: each kind with its words, and what of the audit log is told by itself. (issue 6)

A notice says that something happened; what the resident's data says, nobody reads there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from base.clock import SECOND

HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
TOGETHER: Final = 15 * 60 * SECOND
"""How long news that do not hurry wait for others, so that one message tells of all (µs)."""
SOON: Final = (30, 7)
"""How many days before a consent ends the resident is told."""


class Channel(StrEnum):
    """Where residents may hear of news besides the portal."""

    EMAIL = "email"
    PUSH = "push"


class Topic(StrEnum):
    """What notices are about; for each residents choose where they hear of it."""

    CONSENT = "consent"
    RELEASE = "release"
    FAMILY = "family"
    REQUEST = "request"
    LOGIN = "login"
    DATA = "data"


BOTH: Final = frozenset(Channel)
TOPICS: Final[Mapping[Topic, tuple[dict[str, str], frozenset[Channel]]]] = {
    Topic.CONSENT: ({"ja": "同意のお願いと期限", "en": "Requests for consent, and when consent ends"}, BOTH),
    Topic.RELEASE: (
        {"ja": "緊急時に情報が使われたとき", "en": "Use of your data in an emergency"},
        BOTH,
    ),
    Topic.FAMILY: ({"ja": "代わりに手続きをする人", "en": "Who may act for you"}, BOTH),
    Topic.REQUEST: (
        {"ja": "開示などの請求の結果", "en": "Decisions on your requests"},
        BOTH,
    ),
    Topic.LOGIN: ({"ja": "ログインとカード", "en": "Logins and cards"}, BOTH),
    Topic.DATA: (
        {"ja": "情報の保管と消去、サービスの停止", "en": "Where data is kept, erasure, suspended services"},
        frozenset(),
    ),
}
"""What each topic is called, and where residents hear of it unless they choose otherwise."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notice; {service} in its words is replaced by the name of the service.

    page: of the portal, where more is said; urgent: other channels tell of it at once; own: guardians do not see it.
    """

    topic: Topic
    title: dict[str, str]
    text: dict[str, str]
    page: str
    urgent: bool = False
    own: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "consent-asked": Kind(
        Topic.CONSENT,
        {"ja": "同意のお願いが届きました", "en": "A service asks for your consent"},
        {
            "ja": "「{service}」が、あなたの情報の利用について同意を求めています。断っても不利益はありません。",
            "en": "“{service}” asks whether it may use data about you. You may refuse.",
        },
        "requests",
    ),
    "terms-changed": Kind(
        Topic.CONSENT,
        {"ja": "サービスの条件が変わりました", "en": "A service changed its terms"},
        {
            "ja": "「{service}」が求める内容が広がりました。改めて同意するまで、前の同意では情報を渡しません。",
            "en": "“{service}” asks for more than before. Until you agree anew, nothing is given out.",
        },
        "requests",
    ),
    "consent-ends-soon": Kind(
        Topic.CONSENT,
        {"ja": "同意の期限が近づいています", "en": "A consent ends soon"},
        {
            "ja": "「{service}」への同意は、あと{days}日以内に期限を迎えます。続けるときは改めて同意してください。",
            "en": "Your consent to “{service}” ends within {days} days. Agree again if it is to go on.",
        },
        "services",
    ),
    "consent-ended": Kind(
        Topic.CONSENT,
        {"ja": "同意の効力がなくなりました", "en": "A consent has ended"},
        {
            "ja": "「{service}」への同意の効力がなくなりました。もう情報は渡しません。",
            "en": "Your consent to “{service}” has ended. It gets no more data.",
        },
        "services",
    ),
    "emergency-release": Kind(
        Topic.RELEASE,
        {"ja": "緊急時に情報を渡しました", "en": "Data was given out in an emergency"},
        {
            "ja": "災害などの緊急時として、「{service}」にあなたの情報を渡しました。",
            "en": "In a declared emergency, data about you was given to “{service}”.",
        },
        "accesses",
        urgent=True,
    ),
    "break-glass": Kind(
        Topic.RELEASE,
        {"ja": "命を守るために職員が情報を見ました", "en": "An official looked at data to save a life"},
        {
            "ja": "命を守るため、職員が一人の判断であなたの情報を見ました。別の職員がその判断を確かめます。",
            "en": "An official looked at data about you alone, to save a life. Somebody else reviews it.",
        },
        "accesses",
        urgent=True,
    ),
    "guardian-added": Kind(
        Topic.FAMILY,
        {"ja": "代わりに手続きをする人が登録されました", "en": "Somebody may act for you"},
        {
            "ja": "あなたの代わりに手続きをする人が登録されました。心当たりがないときは窓口にお知らせください。",
            "en": "Somebody was entered who may act for you. If you do not know of it, tell the counter.",
        },
        "family",
        urgent=True,
        own=True,
    ),
    "guardian-changed": Kind(
        Topic.FAMILY,
        {
            "ja": "代わりに手続きをする人の権限を広げる案が出されました",
            "en": "It was proposed that somebody may do more for you",
        },
        {
            "ja": "別の職員が認めると、その人ができることが広がります。心当たりがないときは窓口にお知らせください。",
            "en": "It takes effect when a second member of staff approves. If you do not know of it, tell the counter.",
        },
        "family",
        urgent=True,
        own=True,
    ),
    "guardian-ended": Kind(
        Topic.FAMILY,
        {"ja": "代わりに手続きをする人の登録が終わりました", "en": "Somebody may no longer act for you"},
        {
            "ja": "あなたの代わりに手続きをする人の登録が終わりました。",
            "en": "Somebody who acted for you may no longer do so.",
        },
        "family",
        own=True,
    ),
    "acting-added": Kind(
        Topic.FAMILY,
        {"ja": "代わりに手続きができるようになりました", "en": "You may act for somebody"},
        {
            "ja": "ほかの方の代わりに手続きができるようになりました。",
            "en": "You were entered as somebody who may act for another resident.",
        },
        "family",
        own=True,
    ),
    "acting-ended": Kind(
        Topic.FAMILY,
        {"ja": "代わりに手続きをする登録が終わりました", "en": "You no longer act for somebody"},
        {
            "ja": "ほかの方の代わりに手続きをする登録が終わりました。",
            "en": "You may no longer act for another resident.",
        },
        "family",
        own=True,
    ),
    "request-prolonged": Kind(
        Topic.REQUEST,
        {"ja": "請求への決定の期限が延びました", "en": "The decision on your request takes longer"},
        {
            "ja": "あなたの請求に決定をする期限が延びました。理由は請求のページにあります。",
            "en": "The time to decide on your request was prolonged. The page of your requests says why.",
        },
        "rights",
    ),
    "request-decided": Kind(
        Topic.REQUEST,
        {"ja": "請求への決定が出ました", "en": "Your request was decided"},
        {
            "ja": "あなたの請求への決定が出ました。内容と理由は請求のページにあります。",
            "en": "Your request was decided. The page of your requests says how, and why.",
        },
        "rights",
    ),
    "login-new": Kind(
        Topic.LOGIN,
        {
            "ja": "新しい方法または端末でログインがありました",
            "en": "A login in a new way or from a new device",
        },
        {
            "ja": "これまでと違う方法か端末でログインがありました。心当たりがないときは、終わらせてください。",
            "en": "Somebody logged in as you otherwise than before. If that was not you, end that login.",
        },
        "sessions",
        urgent=True,
        own=True,
    ),
    "login-refused": Kind(
        Topic.LOGIN,
        {"ja": "ログインが断られました", "en": "A login was refused"},
        {
            "ja": "あなたとしてのログインが試され、断られました。心当たりがないときは窓口にお知らせください。",
            "en": "A login as you was tried and refused. If that was not you, tell the counter.",
        },
        "sessions",
        urgent=True,
        own=True,
    ),
    "card-linked": Kind(
        Topic.LOGIN,
        {"ja": "カードなどが結びつけられました", "en": "A card or login was linked"},
        {
            "ja": "カードなど、あなたを確かめるものが結びつけられました。心当たりがないときは窓口にお知らせください。",
            "en": "A card or another way to tell that it is you was linked. If you know nothing of it, tell us.",
        },
        "cards",
        urgent=True,
        own=True,
    ),
    "card-ended": Kind(
        Topic.LOGIN,
        {"ja": "カードなどの結びつきが終わりました", "en": "A card or login was ended"},
        {
            "ja": "カードなど、あなたを確かめるものの結びつきが終わりました。",
            "en": "A card or another way to tell that it is you no longer counts.",
        },
        "cards",
        urgent=True,
        own=True,
    ),
    "contact-set": Kind(
        Topic.LOGIN,
        {"ja": "お知らせの届け先を登録しました", "en": "Where news reach you was set"},
        {
            "ja": "お知らせの届け先が登録されました。心当たりがないときは、届け先を消してください。",
            "en": "An address for news was set. If that was not you, remove it.",
        },
        "notices/contact",
        own=True,
    ),
    "data-exported": Kind(
        Topic.DATA,
        {"ja": "情報が書き出されました", "en": "Your data was exported"},
        {
            "ja": "あなたについて保有している情報が書き出されました。",
            "en": "What is held about you was exported.",
        },
        "accesses",
    ),
    "data-moved": Kind(
        Topic.DATA,
        {"ja": "情報の保管場所が変わりました", "en": "Data moved to another place"},
        {"ja": "あなたの情報の保管場所が変わりました。", "en": "Data about you is kept elsewhere now."},
        "data",
    ),
    "data-erased": Kind(
        Topic.DATA,
        {"ja": "情報を消去しました", "en": "Data was erased"},
        {"ja": "あなたの情報を消去しました。", "en": "Data about you was erased."},
        "data",
    ),
    "service-suspended": Kind(
        Topic.DATA,
        {"ja": "サービスが停止されました", "en": "A service was suspended"},
        {
            "ja": "市が「{service}」を停止しました。停止の間、情報は渡しません。",
            "en": "The municipality suspended “{service}”. Until it goes on, it gets no data.",
        },
        "services",
    ),
}


@dataclass(frozen=True, slots=True)
class News:
    """Something a resident is told. same: what would be told twice is joined with what has the same mark."""

    kind: str
    facts: Mapping[str, Any]
    same: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What an entry of the log tells whom of; by: what is joined (names of facts), within a span (µs; 0: for good)."""

    kind: str
    role: str = "subject"
    by: tuple[str, ...] = ()
    within: int = 60 * SECOND


_ENDED: Final = (_Told("consent-ended", by=("service", "purpose")),)
LEAVES: Final[Mapping[str, tuple[_Told, ...]]] = {
    "consent-expired": _ENDED,
    "consent-revoked": _ENDED,
    "emergency-disclosure": (_Told("emergency-release", by=("service", "event"), within=0),),
    "break-glass": (_Told("break-glass", by=("event",), within=0),),
    "delegation-granted": (_Told("guardian-added"), _Told("acting-added", "guardian")),
    "delegation-proposed": (_Told("guardian-changed"),),
    "delegation-ended": (_Told("guardian-ended"), _Told("acting-ended", "guardian")),
    "rights-extended": (_Told("request-prolonged", by=("request",)),),
    "rights-decided": (_Told("request-decided", by=("request",)),),
    "login-refused": (_Told("login-refused", within=DAY),),
    "resident-linked": (_Told("card-linked"),),
    "resident-unlinked": (_Told("card-ended"),),
    "contact-set": (_Told("contact-set"),),
    "export": (_Told("data-exported", within=HOUR),),
    "record-moved": (_Told("data-moved"),),
    "record-erased": (_Told("data-erased"),),
}
"""What residents are told of when it is written into the audit log."""
_FACTS: Final = ("service", "purpose", "event")


def of_entry(
    kind: str, facts: Mapping[str, Any], people: Mapping[str, str], now: int
) -> list[tuple[str, News]]:
    """Say whom an entry of the log gives what news: (person, news)."""
    found = []
    for told in LEAVES.get(kind, ()):
        items = facts.get("items", [facts["item"]] if "item" in facts else [])
        if told.role not in people or (kind == "emergency-disclosure" and not items):
            continue
        kept = {name: facts[name] for name in _FACTS if name in facts}
        if items:
            kept["items"] = sorted(items)
        span = str(now // told.within) if told.within else ""
        same = "/".join([told.kind, *(str(facts.get(name, "")) for name in told.by), span])
        found.append((people[told.role], News(told.kind, kept, same)))
    return found


def joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Join what two notices of the same tell of."""
    both = {*old.get("items", ()), *new.get("items", ())}
    return {**old, **new, **({"items": sorted(both)} if both else {})}


def words(kind: str, facts: Mapping[str, Any], service: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Say a notice in both languages."""
    known = KINDS[kind]
    filled = {
        language: text.format(service=service.get(language, ""), days=facts.get("days", ""))
        for language, text in known.text.items()
    }
    return {"title": known.title, "text": filled}
