"""How the desk is, in the terminal it was started from; nothing about who stands at it."""

import asyncio
import sys
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from adapters.desk.reception import Reception, Shown
from adapters.desk.state import AtReader, Condition, Network, State

_PAUSE: Final = 0.5
_READER: Final = {
    AtReader.NO_SERVICE: ("red", "pcscd does not run: systemctl start pcscd.socket"),
    AtReader.NO_READER: ("red", "none is connected"),
    AtReader.EMPTY: ("green", "ready, no card"),
    AtReader.CARD: ("green", "a card is on it"),
    AtReader.TWO: ("yellow", "cards on two readers: take one away"),
    AtReader.BUSY: ("yellow", "reading"),
}
_NETWORK: Final = {
    Network.UNTRIED: ("yellow", "not tried yet"),
    Network.GOOD: ("green", "the module answers"),
    Network.REFUSED: ("red", "the module does not know this desk: engawa desk enrol"),
    Network.NONE: ("red", "the module does not answer; cards of a reception wait"),
}


def table(state: State, last: Shown, url: str) -> Table:
    """Write the state as a table."""
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column(style="bold")
    shown.add_column()
    shown.add_row("desk", escape(state.name) or "(not known yet)")
    shown.add_row("page", url)
    shown.add_row("readers", escape(", ".join(state.readers)) or "-")
    for name, (style, text) in (("reader", _READER[state.reader]), ("network", _NETWORK[state.network])):
        shown.add_row(name, f"[{style}]{text}[/{style}]")
    shown.add_row("waiting", str(state.waiting))
    if last.result is not None:
        shown.add_row("last card", str(last.result))
    return shown


async def show(condition: Condition, reception: Reception, url: str) -> None:
    """Keep the table fresh on a terminal of our own; elsewhere log lines have to do."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    with Live(table(condition.now(), reception.last, url), console=Console(), auto_refresh=False) as live:
        while True:
            await asyncio.sleep(_PAUSE)
            live.update(table(condition.now(), reception.last, url), refresh=True)
