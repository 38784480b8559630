"""Where residents hear of news besides the portal; the outbox of messages there, which outlives the process."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from base.database import Connection
from personal.rules.identifiers import fresh
from personal.rules.resident_notices import DAY, KINDS, TOGETHER, TOPICS, Channel, Topic
from personal.store import people
from personal.store.leftovers import pause
from personal.store.town import one, rows, value

NEWS: Final = "news"
CODE: Final = "code"
MOST_TRIES: Final = 30
"""How often a message is tried, for about a day, before it is given up."""
_CONTACT: Final = "person, channel, proven, sealed, made, until, tries, failing"


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a resident hears of news, sealed; times in µs. until: how long the code is good that was sent there."""

    person: str
    channel: Channel
    proven: bool
    sealed: bytes = field(repr=False)
    made: int
    until: int | None = None
    tries: int = 0
    failing: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent: about news, or a code."""

    id: str
    person: str
    channel: Channel
    about: str
    tries: int


def put(connection: Connection, contact: Contact, stop: bytes | None = None) -> None:
    """Write where a resident hears of news; it takes the place of what was there."""
    connection.execute(
        "INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            contact.person, contact.channel, int(contact.proven), contact.sealed, contact.made, contact.until,
            contact.tries, stop,
        ),
    )  # fmt: skip


def of(connection: Connection, person: str, *, proven: bool = True) -> dict[Channel, Contact]:
    """Give where a resident hears of news: their own places first, then the youngest of their doubles."""
    found = [
        _contact(row)
        for id in people.family(connection, person)
        for row in rows(
            connection,
            f"SELECT {_CONTACT} FROM contact WHERE person = ? AND proven = ?",  # noqa: S608  # constant
            id,
            int(proven),
        )
    ]
    found.sort(key=lambda one: (one.person == person, one.made))
    return {one.channel: one for one in found}


def remove(
    connection: Connection, person: str, channels: Iterable[Channel], *, proven: bool | None = None
) -> int:
    """Remove places where a resident hears of news, with what waits to be sent there; say how many there were."""
    before = connection.total_changes()
    wanted = (0, 1) if proven is None else (int(proven),)
    for id in people.family(connection, person):
        for channel in channels:
            for state in wanted:
                sql = "DELETE FROM contact WHERE (person, channel, proven) = (?, ?, ?)"
                connection.execute(sql, (id, channel, state))
    gone = connection.total_changes() - before
    told = (CODE, NEWS) if 1 in wanted else (CODE,)
    for id in people.family(connection, person):
        for channel in channels:
            for about in told:
                sql = "DELETE FROM message WHERE (person, channel, about) = (?, ?, ?)"
                connection.execute(sql, (id, channel, about))
    return gone


def tried(connection: Connection, contact: Contact) -> None:
    """Count a wrong code."""
    connection.execute(
        "UPDATE contact SET tries = tries + 1 WHERE (person, channel, proven) = (?, ?, 0)",
        (contact.person, contact.channel),
    )


def stopped_by(connection: Connection, stop: bytes) -> tuple[str, Channel] | None:
    """Find whose messages something ends that a message carries."""
    row = one(connection, "SELECT person, channel FROM contact WHERE stop = ?", stop)
    return None if row is None else (row[0], Channel(row[1]))


def codes(connection: Connection, person: str, now: int) -> int:
    """Note that a code is sent for somebody; say how many that makes in a day."""
    connection.execute("DELETE FROM contact_code WHERE person = ? AND at <= ?", (person, now - DAY))
    connection.execute("INSERT INTO contact_code VALUES (?, ?)", (person, now))
    return int(value(connection, "SELECT count(*) FROM contact_code WHERE person = ?", person))


def choices(connection: Connection, person: str) -> dict[Topic, frozenset[Channel]]:
    """Say where a resident wants to hear of each topic."""
    chosen = [
        row
        for id in people.family(connection, person)
        for row in rows(connection, "SELECT chosen, topic, channels FROM contact_choice WHERE person = ?", id)
    ]
    usual = {topic: channels for topic, (_, channels) in TOPICS.items()}
    return usual | {
        Topic(topic): frozenset(map(Channel, there.split())) for _, topic, there in sorted(chosen)
    }


def choose(connection: Connection, person: str, topic: Topic, channels: Iterable[Channel], now: int) -> None:
    """Let a resident hear of a topic elsewhere."""
    connection.execute(
        "INSERT OR REPLACE INTO contact_choice VALUES (?, ?, ?, ?)",
        (person, topic, " ".join(sorted(channels)), now),
    )


# -- the outbox


def notify(connection: Connection, person: str, kind: str, now: int) -> None:
    """Have a resident told, where they want to hear of this kind, that there is news; once for all that waits."""
    known = of(connection, person)
    if not known:
        return
    wanted = choices(connection, person)[KINDS[kind].topic]
    due = now if KINDS[kind].urgent else now + TOGETHER
    for channel, contact in known.items():
        if channel in wanted and contact.failing is None:
            send(connection, person, channel, NEWS, due)


def send(connection: Connection, person: str, channel: Channel, about: str, due: int) -> None:
    """Put a message in the outbox; where one waits already that says the same, it goes by the earlier moment."""
    connection.execute(
        "INSERT INTO message (id, person, channel, about, due, tries) VALUES (?, ?, ?, ?, ?, 0)"
        " ON CONFLICT (person, channel, about) WHERE dead IS NULL DO UPDATE SET"
        " due = CASE WHEN begun IS NULL AND tries = 0 THEN min(due, excluded.due) ELSE due END,"
        " again = CASE WHEN begun IS NULL THEN again ELSE min(coalesce(again, excluded.due), excluded.due) END",
        (fresh("m_"), person, channel, about, due),
    )


def take(connection: Connection, channel: Channel, now: int, most: int) -> list[Message]:
    """Begin to send what is due on a channel; what was begun stays so until it is done or put off."""
    found = rows(
        connection,
        "SELECT id, person, channel, about, tries FROM message INDEXED BY message_due"
        " WHERE due <= ? AND dead IS NULL AND begun IS NULL AND channel = ? ORDER BY due LIMIT ?",
        now,
        channel,
        most,
    )
    connection.executemany("UPDATE message SET begun = ? WHERE id = ?", [(now, row[0]) for row in found])
    return [
        Message(id, person, Channel(channel), about, tries) for id, person, channel, about, tries in found
    ]


def due(connection: Connection, channel: Channel, now: int) -> bool:
    """Say whether a message is due on a channel."""
    sql = (
        "SELECT 1 FROM message INDEXED BY message_due"
        " WHERE due <= ? AND dead IS NULL AND begun IS NULL AND channel = ? LIMIT 1"
    )
    return one(connection, sql, now, channel) is not None


def done(connection: Connection, message: Message) -> None:
    """Take a message off the list that was taken; if there were more news meanwhile, a new one waits in its place."""
    again = value(connection, "SELECT again FROM message WHERE id = ?", message.id)
    connection.execute("DELETE FROM message WHERE id = ?", (message.id,))
    if again is not None:
        send(connection, message.person, message.channel, message.about, int(again))


def put_off(connection: Connection, message: Message, now: int, *, hopeless: bool = False) -> None:
    """Try a message again later; give it up when it is hopeless, or was tried for long enough."""
    if hopeless or message.tries + 1 >= MOST_TRIES:
        connection.execute("UPDATE message SET dead = ?, begun = NULL WHERE id = ?", (now, message.id))
        return
    connection.execute(
        "UPDATE message SET due = ?, tries = tries + 1, begun = NULL, again = NULL WHERE id = ?",
        (now + pause(message.tries), message.id),
    )


def fail(connection: Connection, message: Message, now: int) -> None:
    """Note that messages are refused where a resident wanted them."""
    for id in people.family(connection, message.person):
        connection.execute(
            "UPDATE contact SET failing = ? WHERE (person, channel, proven) = (?, ?, 1) AND failing IS NULL",
            (now, id, message.channel),
        )


def under_way(connection: Connection) -> bool:
    """Say whether a message was begun and neither taken nor put off."""
    return one(connection, "SELECT 1 FROM message WHERE begun IS NOT NULL LIMIT 1") is not None


def wake(connection: Connection) -> None:
    """Let what was under way when the process ended be sent again, under its own id."""
    connection.execute("UPDATE message SET begun = NULL WHERE begun IS NOT NULL")


def given_up(connection: Connection) -> int:
    """Count the messages that were given up."""
    return int(value(connection, "SELECT count(*) FROM message WHERE dead IS NOT NULL"))


def clear(connection: Connection, before: int) -> None:
    """Delete what was given up before a moment, and codes that are no longer good."""
    connection.execute("DELETE FROM message WHERE dead < ?", (before,))
    connection.execute("DELETE FROM contact WHERE proven = 0 AND until < ?", (before,))


def _contact(row: tuple[object, ...]) -> Contact:
    person, channel, proven, sealed, made, until, tries, failing = row
    return Contact(person, Channel(channel), bool(proven), sealed, made, until, tries, failing)  # type: ignore[arg-type]  # columns are typed by STRICT
