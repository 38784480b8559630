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
    "own-emergencies-listed": (
        "本人が、緊急時に渡された情報を見ました",
        "You looked at what was given out in emergencies",
    ),
    "break-glass-reviewed": (
        "職員一人の判断による閲覧が正しかったかを、別の職員が確かめました",
        "Somebody else reviewed whether one official was right to look at your data",
    ),
    "record-written": ("情報を登録・変更しました", "Data was written or changed"),
    "record-stored": (
        "サービスの目的のために情報を保管しました",
        "Data was stored for a service",
    ),
    "record-not-stored": (
        "サービスが情報を保管しようとしましたが、断りました",
        "A service wanted to store data; it was refused",
    ),
    "record-set-aside": (
        "登録を一つにしたため、同意のなくなった情報の使用を止めました",
        "Data is out of use because the registrations that became one do not agree to it",
    ),
    "record-taken-back": ("止めていた情報の使用を再び始めました", "Data that was out of use is in use again"),
    "record-read": ("職員が情報を見ました", "Staff looked at data"),
    "record-erased": ("情報を消去しました", "Data was erased"),
    "own-record-read": ("本人が自分の情報を見ました", "You looked at your own data"),
    "records-listed": ("職員が、どの情報があるかを見ました", "Staff looked at which data there is"),
    "own-records-listed": ("本人が、どの情報があるかを見ました", "You looked at which data there is"),
    "record-erasure-held": (
        "消去の求めを受けました。法令などにより、定めの日まで使わずに保管します",
        "Erasure was asked for; the data is kept, out of use, until a day that a law or proceeding sets",
    ),
    "resident-forgotten": ("すべての情報を消去しました", "All data was erased"),
    "record-hold-set": (
        "法令などにより、定めの日まで情報を消去しないことにしました",
        "Data is kept until a day that a law or proceeding sets",
    ),
    "record-hold-lifted": ("情報を消去できない期間を終えました", "Data may be erased again"),
    "location-chosen": ("情報の保管場所を選びました", "A place where data is kept was chosen"),
    "record-moved": ("情報の保管場所を変えました", "The place where data is kept was changed"),
    "consent-given": ("同意しました", "Consent was given"),
    "consent-withdrawn": ("同意を取り消しました", "Consent was withdrawn"),
    "consent-ended": (
        "死亡・転出にともない、同意の効力がなくなりました",
        "Consent ended because you died or moved away",
    ),
    "consent-expired": ("期限が過ぎ、同意の効力がなくなりました", "Consent ended because its time was over"),
    "consent-ended-with-record": (
        "情報を消去したため、その提供への同意の効力がなくなりました",
        "Consent to share data ended because the data was erased",
    ),
    "consent-revoked": (
        "市が同意の効力を終えました",
        "The municipality ended a consent of yours",
    ),
    "consent-asked": ("サービスが同意を求めました", "A service asked for your consent"),
    "consent-deferred": ("同意の返事を保留しました", "An answer about consent was put off"),
    "consent-shown": (
        "同意の内容をサービスに示しました",
        "A service was shown what you agreed to with it",
    ),
    "consent-previewed": (
        "サービスに渡る内容を確認しました",
        "What a service would see was looked at",
    ),
    "consent-prepared": ("同意の内容を確認しました", "What would be agreed to was looked at"),
    "consents-listed": ("職員が同意の一覧を見ました", "Staff looked at the list of consents"),
    "own-consents-listed": ("本人が同意の一覧を見ました", "You looked at your list of consents"),
    "accesses-listed": (
        "職員が、あなたの情報の取扱いの記録を見ました",
        "Staff looked at what was done with your data",
    ),
    "emergencies-listed": (
        "職員が、緊急時に渡されたあなたの情報を見ました",
        "Staff looked at what was given out about you in emergencies",
    ),
    "receipt-printed": ("職員が同意の控えを出しました", "Staff took out a receipt of consent"),
    "receipt-read": ("本人が同意の控えを見ました", "You looked at a receipt of consent"),
    "consent-refused": ("同意しませんでした", "Consent was refused"),
    "exchange-disclosure": (
        "ほかの自治体を通じて情報を渡しました",
        "Data was given out through another municipality",
    ),
    "resident-registered": ("住民として登録しました", "You were registered"),
    "resident-imported": (
        "台帳のファイルから登録・変更しました",
        "You were registered or changed from a file",
    ),
    "resident-found": ("職員の検索で見つかりました", "A search by staff found you"),
    "resident-read": ("職員が、登録の状況を見ました", "Staff looked at how you are registered"),
    "resident-linked": ("カードなどを結びつけました", "A card or another identifier was linked to you"),
    "resident-unlinked": ("カードなどの結びつきを終えました", "A card or another identifier was ended"),
    "resident-checked": (
        "職員が、ご本人であることを書類で確かめました",
        "Staff looked at papers that show who you are",
    ),
    "resident-search-terms": (
        "検索に使う読みがなを変えました",
        "The reading you are searched by was changed",
    ),
    "resident-moved": ("転出を記録しました", "It was noted that you moved away"),
    "resident-returned": ("在住を記録しました", "It was noted that you live here"),
    "resident-protected": ("支援措置による保護を始めました", "You were protected from being found"),
    "resident-unprotected": ("支援措置による保護を終えました", "Your protection ended"),
    "resident-merged": ("二重の登録を一つにしました", "Two registrations of you became one"),
    "resident-parted": ("一つにした登録を元に戻しました", "A registration was parted again"),
    "card-lookup": (
        "受付端末にかざしたカードから、あなただと確かめました",
        "A desk knew you by the card you held up",
    ),
    "city-card-passcode": (
        "市民カードの合言葉を決めました",
        "The passcode of your city ID card was set",
    ),
    "credentials-listed": (
        "本人が、カードとログインの一覧を見ました",
        "You looked at your cards and logins",
    ),
    "inside-enrolment-shown": (
        "庁内の保管庫で受け取るための番号を、職員が見ました",
        "Staff looked at the number under which the store inside knows you",
    ),
    "login": ("ログインしました", "You logged in"),
    "login-refused": (
        "あなたとしてログインしようとした人がいましたが、断りました",
        "Somebody tried to log in as you and was refused",
    ),
    "own-sessions-listed": ("本人が、続いているログインを見ました", "You looked at the logins you have open"),
    "session-ended": ("続いているログインを終わらせました", "A login of yours was ended"),
    "service-connection": (
        "このサービスにログインしてよいかを決めました",
        "You decided whether to log in at this service",
    ),
    "service-login": ("このサービスにログインしました", "You logged in at this service"),
    "service-login-refused": (
        "求められた情報がそろわないため、このサービスにはログインしませんでした",
        "You were not logged in at this service, as it needs data that you do not share",
    ),
    "service-tokens-given": (
        "サービスがログインを受け取りました",
        "The service took your login up",
    ),
    "service-login-misused": (
        "ログインの証が不正に使われたおそれがあるため、このサービスでのログインを終わらせました",
        "Your login at this service was ended, since somebody else may have had a token of it",
    ),
    "service-login-ended": (
        "サービスがログインを終わらせました",
        "The service ended your login there",
    ),
    "service-connection-ended": (
        "このサービスへのログインをやめました",
        "Logging in at this service was ended",
    ),
    "connections-listed": (
        "本人が、ログイン先のサービスを見ました",
        "You looked at the services where you log in",
    ),
    "logout": ("ログアウトしました", "You logged out"),
    "code-disclosure": (
        "本人が作った共有コードにもとづいて、一度だけ情報を渡しました",
        "Data was given out once, by a code that you made",
    ),
    "sharing-code-made": ("共有コードを作りました", "A sharing code was made"),
    "sharing-code-withdrawn": ("共有コードを取り消しました", "Sharing codes were withdrawn"),
    "pseudonyms-listed": (
        "あなたを知っているサービスの一覧を見ました",
        "The services that know you were listed",
    ),
    "pseudonym-given": (
        "あなたを表す、サービスごとの名前（仮の名前）を、職員が渡しました",
        "Staff handed over the name by which a service knows you",
    ),
    "pseudonym-rotated": (
        "あなたを表す、サービスごとの名前（仮の名前）を変えました",
        "The name by which a service knows you was changed",
    ),
    "notice": ("変更をサービスに知らせました", "A service was told of a change"),
    "notice-confirmed": ("サービスが通知を確認しました", "A service confirmed a notice"),
    "erasure-confirmed": ("サービスが情報の消去を報告しました", "A service reported that it erased data"),
    "delegation-granted": (
        "代わりに手続きをする人を登録しました",
        "Somebody was entered who may act for you",
    ),
    "delegation-ended": (
        "代わりに手続きをする人の登録を終えました",
        "Somebody may no longer act for you",
    ),
    "delegation-proposed": (
        "代わりに手続きをする人の権限を広げる案が出されました",
        "It was proposed that somebody may do more for you",
    ),
    "delegation-read": (
        "職員が、代わりに手続きをする人の登録を見ました",
        "Staff looked at who may act for you",
    ),
    "delegations-listed": (
        "職員が、代わりに手続きをする人の一覧を見ました",
        "Staff looked at who acts for whom",
    ),
    "own-delegations-listed": (
        "本人が、代わりに手続きをする人の一覧を見ました",
        "You looked at who acts for whom",
    ),
    "own-rights-listed": ("本人が請求の一覧を見ました", "You looked at your requests"),
    "own-links-listed": (
        "本人が、ほかの自治体との結び付けを見ました",
        "You looked at your links with other municipalities",
    ),
    "accesses-shown": (
        "代わりの人が、あなたの情報の取扱いの記録を見ました",
        "Somebody who acts for you looked at what was done with your data",
    ),
    "acting-for": (
        "代わりの人が、本人に代わって操作を始めました",
        "Somebody began to act for you",
    ),
    "break-glass-failed": (
        "命を守るために情報を見ようとしましたが、失敗しました",
        "A look at data to save a life failed",
    ),
    "district-written": (
        "お住まいの地区を登録しました",
        "The district you live in was written down",
    ),
    "rights-request": (
        "開示・訂正・利用停止の請求を受け付けました",
        "A request about your data was received",
    ),
    "rights-extended": (
        "請求への決定の期限を延ばしました",
        "The time to decide on your request was prolonged",
    ),
    "rights-decided": (
        "請求について決定しました",
        "Your request was decided",
    ),
    "rights-withdrawn": (
        "請求を取り下げました",
        "Your request was taken back",
    ),
    "exchange-asked": (
        "ほかの自治体に、あなたの情報を求めました",
        "Data about you was asked of another municipality",
    ),
    "exchange-received": (
        "ほかの自治体から、あなたの情報をサービスに渡しました",
        "Data about you came from another municipality and was given out",
    ),
    "exchange-linked": (
        "ほかの自治体の登録と結び付けました",
        "Your entry was linked with another municipality",
    ),
    "exchange-unlinked": (
        "ほかの自治体との結び付けを終えました",
        "The link with another municipality was ended",
    ),
    "rights-read": (
        "職員が請求の内容を見ました",
        "Staff looked at your request",
    ),
    "erasure-asked": (
        "情報の消去を求めました",
        "Erasure of your data was asked for",
    ),
    "exchange-link-begun": (
        "ほかの自治体との結び付けを始めました",
        "A link with another municipality was begun",
    ),
    "exchange-failed": (
        "ほかの自治体に求めましたが、届きませんでした",
        "Data was asked of another municipality; it did not arrive",
    ),
    "contact-asked": (
        "お知らせの届け先に確認番号を送りました",
        "A code was sent to the address that you named for news",
    ),
    "contact-shown": ("本人が、お知らせの届け先を見ました", "You looked at where you hear of news"),
    "contact-set": ("お知らせの届け先を登録しました", "An address for news was set"),
    "contact-ended": ("お知らせの届け先を消しました", "An address for news was removed"),
    "contact-chosen": ("どのお知らせをどこに送るかを選びました", "It was chosen which news go where"),
    "message-sent": (
        "登録された届け先にメッセージを送りました",
        "A message was sent to the address for news",
    ),
    "notices-shown": (
        "代わりの人が、あなたへのお知らせを見ました",
        "Somebody who acts for you looked at what you were told",
    ),
    "export": ("自分の情報を書き出しました", "Your data was exported"),
}


SELF: Final = "self"
GUARDIAN: Final = "guardian"
SERVICE: Final = "service"
STAFF: Final = "staff"
MUNICIPALITY: Final = "municipality"
_OWN: Final = frozenset({"login", "logout"})


def who(facts: Mapping[str, Any]) -> str:
    """Say who did what an entry tells of: the resident, who acts for them, a service, staff, or the municipality."""
    by = facts.get("by")
    if by in ("resident", SELF) or (by is None and facts["kind"] in _OWN):
        return SELF
    if by == GUARDIAN or facts["kind"] == "acting-for":
        return GUARDIAN
    if "service" in facts and by in (None, facts["service"]):
        return SERVICE
    return MUNICIPALITY if by is None else STAFF


def action(kind: str, *, guardian: bool = False) -> dict[str, str]:
    """Say what an entry of a kind means; guardian: who acts for the resident did it."""
    ja, en = ACTIONS.get(kind, ("情報を取り扱いました", "Data was processed"))
    if guardian:
        ja, en = ja.replace("本人が", "代わりの人が"), en.replace("You ", "Somebody who acts for you ")
    return {"ja": ja, "en": en}


def sentence(facts: Mapping[str, Any], language: str = "ja") -> str:
    """Say in one line what happened and for what purpose."""
    told = action(facts["kind"])[language]
    purpose = facts.get("purpose")
    return f"{told} ({purpose})" if purpose else told
