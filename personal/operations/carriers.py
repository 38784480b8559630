"""What carries messages to residents: e-mail, the city's messaging service. They tell only that there is news."""

import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from enum import StrEnum
from typing import Final, Protocol

import aiohttp
import aiosmtplib
import structlog

from base.clock import SECOND
from base.settings import SettingError
from personal.operations.notices import EVENTS, TYPE
from personal.operations.town import Town
from personal.rules.resident_notices import Channel
from personal.settings import PersonalSettings

SECONDS: Final = 10.0
_AS_IS: Final = policy.SMTP.clone(
    max_line_length=900, cte_type="7bit"
)  # programs read no link that is folded
_TAKEN: Final = frozenset({200, 202, 204})
_GONE: Final = frozenset({404, 410})
log = structlog.get_logger("engawa.personal")


class Outcome(StrEnum):
    """What became of a letter."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"  # for good: there is nobody at that address


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out. code: to prove the address; without one it says that there is news."""

    id: str
    address: str = field(repr=False)
    at: int
    code: str = field(default="", repr=False)
    stop: str = field(default="", repr=False)


class Carrier(Protocol):
    """Carries letters on a channel."""

    @property
    def channel(self) -> Channel:
        """Name the channel."""

    def carry(self, letters: Iterable[Letter]) -> AsyncIterator[tuple[Letter, Outcome]]:
        """Carry letters one after the other; say of each what became of it before the next one goes."""


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail through the municipality's SMTP server. (RFC 5321, 3207, 8058)"""

    settings: PersonalSettings
    town: str
    portal: str
    town_id: str
    channel: Channel = Channel.EMAIL

    async def carry(self, letters: Iterable[Letter]) -> AsyncIterator[tuple[Letter, Outcome]]:
        """Carry letters over one connection."""
        waiting = list(letters)
        try:
            async with client(self.settings) as smtp:
                while waiting:
                    outcome = await self._sent(smtp, waiting[0])
                    yield waiting.pop(0), outcome
        except (aiosmtplib.SMTPException, OSError, SettingError) as error:
            log.warning("the mail server takes no mail", reason=type(error).__name__)
            for one in waiting:
                yield one, Outcome.LATER

    async def _sent(self, smtp: aiosmtplib.SMTP, letter: Letter) -> Outcome:
        try:
            await smtp.sendmail(self.settings.smtp_from, [letter.address], self._written(letter).as_bytes())
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _outcome(max((one.code for one in error.recipients), default=0))
        except aiosmtplib.SMTPSenderRefused:
            return Outcome.LATER  # it is our address that is wrong
        except aiosmtplib.SMTPDataError as error:
            return _outcome(error.code)
        return Outcome.TAKEN

    def _written(self, letter: Letter) -> EmailMessage:
        sender = self.settings.smtp_from
        made = EmailMessage(policy=_AS_IS)
        made["From"], made["To"] = formataddr((self.town, sender)), letter.address
        made["Subject"] = _SUBJECT_CODE if letter.code else _SUBJECT
        made["Date"] = formatdate(letter.at / SECOND, localtime=False)
        made["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
        made["Auto-Submitted"] = "auto-generated"
        if letter.stop:
            made["List-Unsubscribe"] = f"<{self.portal}/stop/{self.town_id}/{letter.stop}>"
            made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        text = _CODE if letter.code else _NEWS
        made.set_content(text.format(town=self.town, portal=f"{self.portal}/me", code=letter.code))
        return made


@dataclass(frozen=True, slots=True)
class Push:
    """The city's messaging service, signed as notices to services are; it gave residents their addresses. (RFC 8417)"""

    url: str
    town: Town
    session: aiohttp.ClientSession
    channel: Channel = Channel.PUSH

    async def carry(self, letters: Iterable[Letter]) -> AsyncIterator[tuple[Letter, Outcome]]:
        """Carry letters, each with a request of its own."""
        for letter in letters:
            yield letter, await self._sent(letter)

    async def _sent(self, letter: Letter) -> Outcome:
        claims = {
            "iss": self.town.id,
            "aud": self.url,
            "iat": letter.at // SECOND,
            "jti": letter.id,
            "sub_id": {"format": "opaque", "id": letter.address},
            "events": {EVENTS + ("contact-code" if letter.code else "resident-news"): _told(letter)},
        }
        headers = {
            "Content-Type": f"application/{TYPE}",
            "Accept": "application/json",
            "User-Agent": "Engawa",
        }
        try:
            async with self.session.post(
                self.url,
                data=self.town.signer.sign(claims, TYPE),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as answer:
                if answer.status in _GONE:
                    return Outcome.REFUSED
                return Outcome.TAKEN if answer.status in _TAKEN else Outcome.LATER
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("the messaging service takes no message", reason=type(error).__name__)
            return Outcome.LATER


def client(settings: PersonalSettings) -> aiosmtplib.SMTP:
    """Make a connection to the mail server, to be opened as a context; its certificate is verified."""
    return aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        timeout=SECONDS,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        tls_context=_trust(settings) if settings.smtp_tls != "none" else None,
        username=settings.smtp_user or None,
        password=_password(settings),
    )


def _trust(settings: PersonalSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.smtp_authorities)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"{settings.smtp_authorities} is no PEM file of certificates") from error


def _password(settings: PersonalSettings) -> str | None:
    if settings.smtp_password_file is None:
        return None
    try:
        return settings.smtp_password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{settings.smtp_password_file} cannot be read") from error


def _outcome(code: int) -> Outcome:
    return Outcome.REFUSED if code >= 500 else Outcome.LATER


def _told(letter: Letter) -> dict[str, str]:
    return {"code": letter.code} if letter.code else {}


_SUBJECT: Final = "お知らせがあります / There is news for you"
_SUBJECT_CODE: Final = "確認番号 / Your code"
_NEWS: Final = """{town}からのお知らせがあります。ログインしてご確認ください。

There is news for you. Log in to read it:
{portal}

このメールで暗証番号やパスワードをおたずねすることはありません。
We never ask for PINs or passwords by e-mail.
"""
_CODE: Final = """お知らせの届け先を登録する確認番号: {code}
30分以内に、登録のページに入力してください。

Your code to confirm this address: {code}
Type it in within 30 minutes, where you gave the address.

心当たりがないときは、何もしないでください。登録されません。
If you did not ask for it, do nothing: the address is not kept.

{town}
"""
