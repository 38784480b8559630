"""Resolving @contexts: what a request names becomes a term table, from memory wherever possible. (4.4, 5.5.7)"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson
import structlog

from base import clock, egress, ids
from base.errors import AlreadyExists, BadRequestData, LdContextNotAvailable, NotPermitted, ResourceNotFound
from base.jsonld import Context, Core, TermTable, core_of, elements, flatten, table_of
from broker.contexts.entry import Entry, Kind, id_in, id_of, path_of
from broker.contexts.fetch import Fetcher
from broker.contexts.shelf import Shelf
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue
from schemas import core_contexts

log = structlog.get_logger("engawa.broker")
T = TypeVar("T")

_READY: Final = 256
_READY_TERMS: Final = 200_000
_DOCUMENTS: Final = 100
_SHELF: Final = 64  # of the longest contexts find room in the storage
_FLUSH_SECONDS: Final = 300.0
_RETRY: Final = 60 * clock.SECOND
_FAR: Final = 1 << 62
_BUILT_IN: Final = frozenset((*core_contexts.URLS, core_contexts.PROOF_URL))
_BIG: Final = 200  # elements of a context beyond which processing leaves the event loop


@dataclass(frozen=True, slots=True)
class _Ready:
    """A context that has been processed, the stored ones it is made of, and until when it may be used."""

    context: Context
    named: tuple[Entry, ...]
    parts: frozenset[str]
    until: int
    size: int
    own: Any


class Contexts:
    """The @contexts of one broker. Used from the event loop only; the tables it gives may be read from any thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        catalogue: Catalogue,
        policy: egress.AddressPolicy,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self._settings = settings
        self._now = now
        self._core: Core = core_of(core_contexts.document()["@context"])
        self.core = Context(self._core.table, core_contexts.CORE_URL, core_contexts.CORE_URL)
        self._shelf = Shelf(catalogue.open(""), settings.contexts, _SHELF * settings.context_bytes)
        self._fetcher = Fetcher(settings, policy)
        self._ready: OrderedDict[str, _Ready] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._started = now()
        self._beside = ThreadPoolExecutor(1, "contexts")

    async def start(self) -> None:
        """Read what is stored and begin to write down, now and then, how often it is used."""
        self._shelf.load()
        self._flushing = asyncio.create_task(self._flush())

    async def close(self) -> None:
        """Write down what is not yet written and end all fetching."""
        tasks = [*self._under_way.values(), *([self._flushing] if self._flushing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._shelf.flush()
        await self._fetcher.close()
        self._beside.shutdown()

    def known(self, source: Any) -> Context | None:
        """Give the context of a URL or of nothing if it is ready for use, without waiting."""
        if source is None:
            return self.core
        return self._at_hand(source) if type(source) is str else None

    async def resolve(self, source: Any, tenant: str = "") -> Context:
        """Give the context that a request names; fetched where it must be. (4.4, 5.5.6, 5.5.7)"""
        if source is None:
            return self.core
        own = self._without_core(source)
        if own is None:
            return self.core
        key = own if isinstance(own, str) else _inline_id(own, tenant)
        context = self._at_hand(key)
        if context is None:
            context = await self._once("=" + key, lambda: self._build(own, key))
        return context

    async def implicit(self, source: Any, tenant: str = "", origin: str = "") -> str:
        """Give a URL for a context: its own, or that of an ImplicitlyCreated entry made for it. (5.13.1)"""
        own = self._without_core(source)
        if own is None:
            return core_contexts.CORE_URL
        if isinstance(own, str):
            return own
        local_id = _inline_id(own, tenant)
        entry = self._shelf.find(local_id)
        if entry is None:
            document = orjson.dumps({"@context": _with_core(own)})
            entry = Entry(path_of(local_id), local_id, "ImplicitlyCreated", document, self._now(), tenant)
            self._forget(*await self._shelf.keep(entry))
        return entry.address(origin)

    # the resource jsonldContexts

    async def add(self, context: Any, tenant: str) -> Entry:
        """Store an @context that a client hosts here. (5.13.2)"""
        parts = elements(context)
        if not any(isinstance(part, str) for part in parts):
            await self._table(flatten(context, _none, _BUILT_IN, 1))
        local_id = ids.urn("Context")
        document = orjson.dumps({"@context": context})
        entry = Entry(path_of(local_id), local_id, "Hosted", document, self._now(), tenant)
        self._forget(*await self._shelf.keep(entry))
        return entry

    async def restore(self, entry: Entry, *, replace: bool, write: bool) -> bool:
        """Put a stored context back as it was; say whether that is anything new. (docs/transfer.md)"""
        there = self._shelf.find(entry.url)
        if there is not None and there.document == entry.document:
            return False
        if there is not None and not replace:
            raise AlreadyExists(
                f"The @context {entry.url} is there already and differs; --replace takes that of the file."
            )
        elements(entry.context())
        if write:
            self._forget(entry, *await self._shelf.keep(entry))
        return True

    def stored(self, kind: Kind | None, tenant: str) -> list[Entry]:
        """Give the stored contexts a tenant may see, the core first. (5.13.3)"""
        core = [self._core_entry(core_contexts.CORE_URL)] if kind in (None, "Cached") else []
        return [*core, *self._shelf.listed(kind, tenant)]

    def find(self, name: str, tenant: str, *, content: bool = False) -> Entry:
        """Find a stored context by local identifier or URL; ResourceNotFound if there is none. (5.13.4)"""
        if name in core_contexts.URLS:
            return self._core_entry(name)
        entry = self._shelf.find(name) or self._passing(name)
        # receivers of notifications have the URL of an ImplicitlyCreated context and name no tenant
        open_to_all = ("Cached", "ImplicitlyCreated") if content else ("Cached",)
        if entry is None or (entry.tenant != tenant and entry.kind not in open_to_all):
            raise ResourceNotFound(
                "No @context is stored under this identifier; list them to see which there are."
            )
        return entry

    def count(self, entry: Entry) -> None:
        """Note that a stored context was found in the storage. (5.13.3.5)"""
        if self._shelf.find(entry.local_id) is entry:
            self._shelf.count(entry, self._now())

    async def delete(self, name: str, tenant: str) -> None:
        """Remove a stored context. (5.13.5)"""
        if name in core_contexts.URLS:
            raise BadRequestData("The core @context cannot be deleted: it is built in.")
        entry = self.find(name, tenant)
        self._forget(entry)
        await self._shelf.drop(entry)

    async def forget(self, tenant: str) -> None:
        """Remove what a tenant stored; for when the tenant is dropped."""
        for entry in self._shelf.listed(None, tenant):
            if entry.kind != "Cached":
                self._forget(entry)
                await self._shelf.drop(entry)

    async def reload(self, name: str, tenant: str) -> None:
        """Download a Cached context again; the old one stays if that fails. (5.13.5.4)"""
        if name in core_contexts.URLS:
            return
        entry = self._shelf.find(name)
        if entry is None or entry.kind != "Cached":
            raise BadRequestData(
                "Only an @context of kind Cached can be reloaded; leave out reload to delete it."
            )
        try:
            await self._once(entry.url, lambda: self._fetch(entry.url, check=True))
        except BadRequestData as problem:
            raise LdContextNotAvailable(problem.detail) from problem

    # inside

    def _at_hand(self, key: str) -> Context | None:
        ready = self._ready.get(key)
        if ready is None:
            return self.core if key in core_contexts.URLS else None
        now = self._now()
        if now >= ready.until:
            return None
        self._ready.move_to_end(key)
        for entry in ready.named:
            self._shelf.count(entry, now)
        return ready.context

    def _without_core(self, source: Any) -> Any:
        """Give the user's part of a context: a URL, an object, a list of at least two, or None. (4.4)"""
        if isinstance(source, list):
            own = [item for item in source if not (isinstance(item, str) and item in core_contexts.URLS)]
            return (own[0] if len(own) == 1 and own[0] is not None else own) or None
        return None if isinstance(source, str) and source in core_contexts.URLS else source

    async def _build(self, own: Any, key: str) -> Context:
        entries = await self._gather(own)
        documents = {url: entry.context() for url, entry in entries.items()}
        flat = flatten(own, documents.__getitem__, _BUILT_IN, self._settings.context_depth)
        table = await self._table(flat)
        context = Context(table, own, own if isinstance(own, str) else path_of(key))
        named = tuple(entries[part] for part in elements(own) if isinstance(part, str) and part in entries)
        until = min((entry.expires or _FAR for entry in entries.values()), default=_FAR)
        self._put(
            key,
            _Ready(
                context, named, frozenset(e.url for e in entries.values()), until, sum(map(len, flat)), own
            ),
        )
        for entry in named:
            self._shelf.count(entry, self._now())
        return context

    async def _table(self, flat: list[dict[str, Any]]) -> TermTable:
        if sum(map(len, flat)) <= _BIG:
            return table_of(self._core, flat)
        return await asyncio.get_running_loop().run_in_executor(self._beside, table_of, self._core, flat)

    def _put(self, key: str, ready: _Ready) -> None:
        self._ready[key] = ready
        self._ready.move_to_end(key)
        size = sum(each.size for each in self._ready.values())
        while len(self._ready) > _READY or (size > _READY_TERMS and len(self._ready) > 1):
            size -= self._ready.popitem(last=False)[1].size

    async def _gather(self, source: Any) -> dict[str, Entry]:
        """Have all contexts at hand that a context refers to, however indirectly, within the limits."""
        entries: dict[str, Entry] = {}
        waiting = _urls(source, "")
        for _ in range(self._settings.context_depth):
            if len(entries) + len(waiting) > _DOCUMENTS:
                raise BadRequestData(f"The @context is made of more than {_DOCUMENTS} others.")
            found = await asyncio.gather(*(self._entry(url) for url in waiting), return_exceptions=True)
            fresh: set[str] = set()
            for url, entry in zip(waiting, found, strict=True):
                if isinstance(entry, BaseException):
                    raise entry
                entries[url] = entry
                fresh.update(_urls(entry.context(), url))
            waiting = sorted(fresh - entries.keys())
            if not waiting:
                return entries
        raise BadRequestData(
            f"The @context refers to others more than {self._settings.context_depth} levels deep."
        )

    async def _entry(self, url: str) -> Entry:
        entry = self._shelf.find(url) or self._passing(url)
        if entry and (entry.expires is None or entry.expires > self._now()):
            return entry
        return await self._once(url, lambda: self._fetch(url))

    async def _fetch(self, url: str, *, check: bool = False) -> Entry:
        old = self._shelf.find(url)
        try:
            fetched = await self._fetcher.fetch(url)
        except LdContextNotAvailable as problem:
            if old is None or check:
                raise
            log.warning("expired @context is used on", url=url, reason=problem.detail)
            old.expires = self._now() + _RETRY
            return old
        if check:
            elements(fetched.document["@context"], url)
        now = self._now()
        local_id = id_of(url)
        entry = Entry(url, local_id, "Cached", orjson.dumps(fetched.document), now)
        entry.expires = now + int(fetched.age * clock.SECOND)
        if old:
            entry = replace(entry, hits=old.hits, last=old.last)
        # a full storage is no reason to refuse the request
        with contextlib.suppress(NotPermitted):
            self._forget(entry, *await self._shelf.keep(entry))
        return entry

    async def _once(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do a piece of work once for all who ask for it at the same time."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._done(key, done))
        result: T = await asyncio.shield(task)
        return result

    def _done(self, key: str, task: "asyncio.Task[Any]") -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            task.exception()

    def _forget(self, *entries: Entry) -> None:
        urls = {entry.url for entry in entries}
        for key in [key for key, ready in self._ready.items() if not urls.isdisjoint(ready.parts)]:
            del self._ready[key]

    def _passing(self, name: str) -> Entry | None:
        """Show an inline context that was used lately, so that the Link to it in an answer can be followed."""
        local_id = id_in(name) or name
        ready = self._ready.get(local_id)
        if ready is None:
            return None
        document = orjson.dumps({"@context": _with_core(ready.own)})
        return Entry(path_of(local_id), local_id, "ImplicitlyCreated", document, self._started)

    def _core_entry(self, url: str) -> Entry:
        document = orjson.dumps(core_contexts.document(core_contexts.URLS[url]))
        return Entry(url, id_of(url), "Cached", document, self._started)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self._shelf.flush()
            except Exception:  # only counters are late; the next round tries again
                log.exception("uses of @contexts were not written")


def _urls(source: Any, base: str) -> list[str]:
    return [part for part in elements(source, base) if isinstance(part, str) and part not in _BUILT_IN]


def _inline_id(own: Any, tenant: str) -> str:
    return id_of(tenant, orjson.dumps(own))


def _with_core(own: Any) -> Any:
    return [*(own if isinstance(own, list) else [own]), core_contexts.CORE_URL]


def _none(_url: str) -> Any:
    return {}
