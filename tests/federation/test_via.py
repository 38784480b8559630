"""Headers that tell what a request came through and in whose names it is. (6.3.5, 6.3.18, RFC 9110 7.6.3)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.federation import via

NAMES = st.text(alphabet="abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=20)


@given(st.lists(NAMES, max_size=10), NAMES)
def test_reads_the_names_that_were_written(names: list[str], own: str) -> None:
    assert via.pseudonyms(via.extended(names, own)) == (*names, own)


@given(st.text())
def test_reads_any_header_without_fail(text: str) -> None:
    assert all(via.pseudonyms(text)) and via.linked(text) in (via.linked(text), None)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (None, ()),
        ("", ()),
        ("1.1 yabu", ("yabu",)),
        ("1.0 fred, HTTP/1.1 p.example.net:8080 (Apache/1.1),2 c", ("fred", "p.example.net:8080", "c")),
        ("yabu", ()),
        ("1.1 yabu,,  , 1.1 toyooka", ("yabu", "toyooka")),
    ],
)
def test_reads_what_other_brokers_and_proxies_write(header: str | None, names: tuple[str, ...]) -> None:
    assert via.pseudonyms(header) == names


REL = 'rel="http://www.w3.org/ns/json-ld#context"'


@pytest.mark.parametrize(
    ("header", "context"),
    [
        (None, None),
        (f"<https://a.example/c,1>; {REL}", "https://a.example/c,1"),
        (f'</next>; rel="next", </c>; type="application/ld+json"; {REL}', "/c"),
        ('</c>; rel="next"', None),
        ("</c>; rel=http://www.w3.org/ns/json-ld#context", "/c"),
        (via.link("https://a.example/c"), "https://a.example/c"),
    ],
)
def test_finds_the_context_among_the_links(header: str | None, context: str | None) -> None:
    assert via.linked(header) == context
