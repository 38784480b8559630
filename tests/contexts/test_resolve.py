"""Resolving the @context of a request. (4.4, 5.5.6, 5.5.7, 5.13.1)"""

import asyncio

import orjson
import pytest

from base import clock as times
from base.errors import BadRequestData, LdContextNotAvailable
from base.settings import SettingError
from broker.contexts import CORE_URL, Contexts
from schemas import core_contexts
from tests.contexts.conftest import Clock, Opened, Server

VOCAB = core_contexts.DEFAULT_VOCAB
A = {"a": "http://x.example/a"}


async def test_nothing_and_every_core_url_mean_the_core(contexts: Contexts) -> None:
    for source in (None, *core_contexts.URLS, [CORE_URL], [*core_contexts.URLS], []):
        assert await contexts.resolve(source) is contexts.core
    assert contexts.known(None) is contexts.core
    assert contexts.known(core_contexts.url("1.6")) is contexts.core
    assert (contexts.core.source, contexts.core.link) == (CORE_URL, CORE_URL)


async def test_a_url_is_fetched_once_and_then_at_hand(contexts: Contexts, server: Server) -> None:
    url = server.put("/c", A)
    assert contexts.known(url) is None
    context = await contexts.resolve(url)
    assert context.table.iri("a") == "http://x.example/a"
    assert (context.source, context.link) == (url, url)
    assert contexts.known(url) is context
    assert await contexts.resolve([url, CORE_URL]) is context
    assert server.asked == ["/c"]


async def test_many_who_ask_at_once_cause_one_fetch(contexts: Contexts, server: Server) -> None:
    url = server.put("/c", A)
    server.slow = 0.1
    found = await asyncio.gather(
        *(contexts.resolve(source) for source in [url, [url, A], {"b": "http://y.example/"}] * 9)
    )
    assert server.asked == ["/c"]
    assert found[0].table.iri("a") == "http://x.example/a"


async def test_an_asker_who_leaves_does_not_spoil_it_for_the_others(
    contexts: Contexts, server: Server
) -> None:
    url = server.put("/c", A)
    server.slow = 0.1
    leaving, staying = (asyncio.create_task(contexts.resolve(url)) for _ in range(2))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert (await staying).table.iri("a") == "http://x.example/a"


async def test_inline_contexts_are_processed_once_and_kept_apart_by_tenant(contexts: Contexts) -> None:
    first = await contexts.resolve([A, CORE_URL], "one")
    assert first.source == A
    assert await contexts.resolve(dict(A), "one") is first
    assert (await contexts.resolve(A, "two")).link != first.link


async def test_contexts_refer_to_contexts(contexts: Contexts, server: Server) -> None:
    server.put("/inner", {"b": "http://x.example/b", "a": "http://inner.example/"})
    url = server.put("/deep/outer", ["../inner", A, CORE_URL])
    table = (await contexts.resolve(url)).table
    assert (table.iri("a"), table.iri("b")) == ("http://x.example/a", "http://x.example/b")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
async def test_a_server_that_does_not_have_it_is_504(contexts: Contexts, server: Server, status: int) -> None:
    server.answers["/c"] = status
    with pytest.raises(LdContextNotAvailable, match=str(status)):
        await contexts.resolve(server.url("/c"))


async def test_a_server_that_is_not_there_is_504(contexts: Contexts, server: Server) -> None:
    with pytest.raises(LdContextNotAvailable, match="reached"):
        await contexts.resolve("http://127.0.0.1:1/c")
    with pytest.raises(LdContextNotAvailable):
        await contexts.resolve("http://does-not-exist.invalid/c")


async def test_a_server_that_is_slow_is_504(opened: Opened, server: Server) -> None:
    server.put("/c", A)
    server.slow = 3.0
    async with opened(context_seconds=0.2) as contexts:
        with pytest.raises(LdContextNotAvailable, match=r"0\.2 s"):
            await contexts.resolve(server.url("/c"))
    server.slow = 0.0


async def test_a_server_that_cuts_the_answer_short_is_504(contexts: Contexts) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        writer.close()

    it = await asyncio.start_server(cut, "127.0.0.1", 0)
    with pytest.raises(LdContextNotAvailable, match="failed"):
        await contexts.resolve(f"http://127.0.0.1:{it.sockets[0].getsockname()[1]}/c")
    it.close()


async def test_a_context_that_is_too_long_is_504(opened: Opened, server: Server) -> None:
    url = server.put("/c", {f"term{n}": "http://x.example/" for n in range(100)})
    async with opened(context_bytes=1_000) as contexts:
        with pytest.raises(LdContextNotAvailable, match="longer than 1000"):
            await contexts.resolve(url)


async def test_a_compressed_answer_is_not_unpacked(contexts: Contexts, server: Server) -> None:
    url = server.put("/c", A, Content_Encoding="gzip")
    with pytest.raises(LdContextNotAvailable, match="compresses"):
        await contexts.resolve(url)


@pytest.mark.parametrize(
    "body", [b"", b"this is { not json", b"[1]", b"{}", b'"x"', b"\xff\xfe", b'{"@context": 7}']
)
async def test_a_document_that_is_no_context_is_400(contexts: Contexts, server: Server, body: bytes) -> None:
    server.answers["/c"] = body
    with pytest.raises(BadRequestData):
        await contexts.resolve(server.url("/c"))


async def test_redirects_are_followed_a_few_times_only(contexts: Contexts, server: Server) -> None:
    server.put("/c", A)
    server.redirect("/b", "c", 301)
    url = server.redirect("/a", server.url("/b"), 307)
    assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"
    with pytest.raises(LdContextNotAvailable, match="more than 5"):
        await contexts.resolve(server.redirect("/loop", "/loop"))
    with pytest.raises(LdContextNotAvailable):
        await contexts.resolve(server.redirect("/file", "file:///etc/passwd"))


async def test_a_page_may_name_its_json_ld_alternative(contexts: Contexts, server: Server) -> None:
    server.put("/docs/context.jsonld", A)
    server.answers["/"] = b"<html></html>"
    link = '</docs/context.jsonld>; rel="alternate"; type="application/ld+json"'
    server.headers["/"] = {"Content-Type": "text/html", "Link": link}
    assert (await contexts.resolve(server.url("/"))).table.iri("a") == "http://x.example/a"


async def test_private_addresses_are_not_asked_directly_nor_by_redirect(
    opened: Opened, server: Server
) -> None:
    async with opened(loopback=False) as contexts:
        with pytest.raises(LdContextNotAvailable, match="does not connect"):
            await contexts.resolve(server.put("/c", A))
    async with opened() as contexts:
        with pytest.raises(LdContextNotAvailable, match="does not connect"):
            await contexts.resolve(server.redirect("/r", "http://169.254.169.254/latest/meta-data"))
    async with opened(loopback=False, outgoing=("127.0.0.1",)) as contexts:
        assert await contexts.resolve(server.url("/c"))


async def test_depth_is_limited(opened: Opened, server: Server) -> None:
    for level in range(6):
        server.put(f"/{level}", f"/{level + 1}")
    server.put("/6", A)
    async with opened(context_depth=3) as contexts:
        assert await contexts.resolve(server.url("/4"))
        with pytest.raises(BadRequestData, match="3 levels"):
            await contexts.resolve(server.url("/0"))
        assert len(server.asked) < 7


async def test_circles_are_refused(contexts: Contexts, server: Server) -> None:
    server.put("/a", "/b")
    with pytest.raises(BadRequestData, match="circle"):
        await contexts.resolve(server.put("/b", "/a"))


async def test_the_number_of_others_is_limited(contexts: Contexts, server: Server) -> None:
    for part in range(4):
        server.put(f"/part{part}", [f"/part{part}/{n}" for n in range(40)])
    with pytest.raises(BadRequestData, match="100"):
        await contexts.resolve([server.url(f"/part{part}") for part in range(4)])
    assert len(server.asked) == 4


async def test_scoped_contexts_are_refused_wherever_they_stand(contexts: Contexts, server: Server) -> None:
    scoped = {"T": {"@id": "http://x.example/T", "@context": {}}}
    for source in (scoped, [scoped, CORE_URL], server.put("/scoped", scoped)):
        with pytest.raises(BadRequestData, match="scoped"):
            await contexts.resolve(source)


async def test_the_context_of_signed_attributes_is_built_in(contexts: Contexts) -> None:
    context = await contexts.resolve([core_contexts.PROOF_URL, A])
    assert context.table.iri("a") == "http://x.example/a"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 86_400),
        ({"Cache_Control": "public, max-age=60"}, 60),
        ({"Cache_Control": "max-age=60, s-maxage=120"}, 120),
        ({"Cache_Control": "max-age=60", "Age": "20"}, 40),
        ({"Cache_Control": "no-cache"}, 1),
        ({"Cache_Control": "no-store, max-age=60"}, 1),
        ({"Cache_Control": "max-age=nonsense"}, 86_400),
        ({"Cache_Control": "max-age=99999999999"}, 30 * 86_400),
        ({"Expires": "Wed, 21 Oct 2026 07:29:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
        ({"Expires": "0"}, 1),
    ],
)
async def test_a_cached_context_is_used_as_long_as_its_server_says(
    contexts: Contexts, server: Server, clock: Clock, headers: dict[str, str], seconds: int
) -> None:
    url = server.put("/c", A, **headers)
    await contexts.resolve(url)
    clock.now += seconds * times.SECOND - 1
    assert contexts.known(url)
    clock.now += 1
    assert contexts.known(url) is None
    server.put("/c", {"a": "http://new.example/"})
    assert (await contexts.resolve(url)).table.iri("a") == "http://new.example/"
    assert len(server.asked) == 2


async def test_an_expired_context_is_used_on_while_its_server_is_away(
    contexts: Contexts, server: Server, clock: Clock
) -> None:
    url = server.put("/c", A, Cache_Control="max-age=10")
    await contexts.resolve(url)
    server.answers["/c"] = 503
    clock.now += 20 * times.SECOND
    assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"
    assert contexts.known(url)
    assert len(server.asked) == 2
    server.put("/c", {"a": "http://new.example/"})
    clock.now += 60 * times.SECOND
    assert (await contexts.resolve(url)).table.iri("a") == "http://new.example/"


async def test_what_was_fetched_outlives_the_process(opened: Opened, server: Server) -> None:
    url = server.put("/c", A)
    async with opened() as contexts:
        await contexts.resolve(url)
        contexts.known(url)
    server.answers.clear()
    async with opened() as contexts:
        assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"
        assert contexts.find(url, "").hits == 3
    assert server.asked == ["/c"]


async def test_preloaded_contexts_are_never_fetched(opened: Opened, server: Server, tmp_path: object) -> None:
    folder = tmp_path / "preloaded"  # type: ignore[operator]  # a Path
    folder.mkdir()
    url = server.url("/preloaded")
    (folder / "index.json").write_bytes(
        orjson.dumps({url: "one.jsonld", "http://x.example/gone": "gone.jsonld"})
    )
    (folder / "one.jsonld").write_bytes(orjson.dumps({"@context": A}))
    async with opened(context_folder=folder) as contexts:
        assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"
        await contexts.delete(url, "")
        assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"
        with pytest.raises(LdContextNotAvailable, match="preloaded"):
            await contexts.resolve("http://x.example/gone")
    assert server.asked == []
    (folder / "index.json").write_text("[")
    with pytest.raises(SettingError, match="context_folder"):
        async with opened(context_folder=folder):
            pass


async def test_the_number_of_stored_contexts_is_limited(opened: Opened, server: Server, clock: Clock) -> None:
    async with opened(contexts=3) as contexts:
        for number in range(5):
            clock.now += 1
            await contexts.resolve(server.put(f"/{number}", A))
        kept = [entry.url for entry in contexts.stored("Cached", "")[1:]]
        assert kept == [server.url(f"/{number}") for number in (2, 3, 4)]
        for _ in range(3):
            await contexts.add(A, "")
        assert await contexts.resolve(server.url("/0"))
        assert [entry.kind for entry in contexts.stored(None, "")[1:]] == ["Hosted"] * 3


async def test_hosted_contexts_are_found_without_asking_anybody(contexts: Contexts) -> None:
    entry = await contexts.add([A, {"b": "http://x.example/b"}], "")
    context = await contexts.resolve(f"https://city.example:9090{entry.url}")
    assert context.table.iri("b") == "http://x.example/b"
    assert context.link == f"https://city.example:9090{entry.url}"


async def test_inline_contexts_get_a_url_when_one_is_needed(opened: Opened) -> None:
    async with opened() as contexts:
        url = await contexts.implicit([A, CORE_URL], "", "http://h.example")
        assert url == await contexts.implicit(A, "", "http://h.example")
        assert await contexts.implicit(None) == CORE_URL
        assert await contexts.implicit(["http://x.example/c", CORE_URL]) == "http://x.example/c"
        [entry] = contexts.stored("ImplicitlyCreated", "")
        assert entry.address("http://h.example") == url
        assert entry.context() == [A, CORE_URL]
        assert contexts.stored("ImplicitlyCreated", "other") == []
    async with opened() as contexts:
        assert (await contexts.resolve(url)).table.iri("a") == "http://x.example/a"


async def test_the_link_of_an_inline_context_can_be_followed_for_a_while(contexts: Contexts) -> None:
    context = await contexts.resolve(A)
    assert contexts.find(context.link, "").context() == [A, CORE_URL]
    assert (await contexts.resolve("http://h.example" + context.link)).table.iri("a") == "http://x.example/a"
    assert contexts.stored("ImplicitlyCreated", "") == []


async def test_big_contexts_are_processed_beside_the_event_loop(contexts: Contexts) -> None:
    big = {f"term{number}": f"http://x.example/{number}" for number in range(3_000)}
    task = asyncio.create_task(contexts.resolve(big))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 2
    assert (await task).table.iri("term2999") == "http://x.example/2999"


async def test_a_dropped_tenant_leaves_nothing_behind(contexts: Contexts, server: Server) -> None:
    await contexts.add(A, "gone")
    await contexts.add(A, "stays")
    await contexts.implicit(A, "gone")
    await contexts.resolve(server.put("/c", A), "gone")
    await contexts.forget("gone")
    assert [entry.kind for entry in contexts.stored(None, "gone")[1:]] == ["Cached"]
    assert [entry.kind for entry in contexts.stored("Hosted", "stays")] == ["Hosted"]
