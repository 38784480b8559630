"""Term tables: expansion and compaction of names and of values. (4.4, 5.5.7)"""

import pytest

from base.errors import BadRequestData
from base.jsonld import TermTable, core_of, elements, flatten, table_of
from schemas import core_contexts

CORE = core_of(core_contexts.document()["@context"])
VOCAB = core_contexts.DEFAULT_VOCAB
NGSI = "https://uri.etsi.org/ngsi-ld/"


def table(*contexts: object, **remote: object) -> TermTable:
    return table_of(
        CORE, flatten(list(contexts), lambda url: remote[url.rsplit("/")[-1]], core_contexts.URLS, 4)
    )


def test_core_terms_mean_what_annex_b_says() -> None:
    core = table()
    assert core is CORE.table
    assert core.iri("location") == NGSI + "location"
    assert core.iri("description") == "http://purl.org/dc/terms/description"
    assert (core.iri("id"), core.iri("type")) == ("@id", "@type")
    assert core.term("@id") == "id"
    assert core.coercion("observedAt") == NGSI + "DateTime"
    assert core.coercion("object") == "@id"
    assert core.coercion("objectList") == "@list"
    assert core.coercion("json") == "@json"
    assert core.coercion("location") is None


def test_unknown_terms_go_to_the_default_vocabulary_and_back() -> None:
    assert table().iri("name") == VOCAB + "name"
    assert table().term(VOCAB + "name") == "name"


@pytest.mark.parametrize("first", [True, False])
def test_core_terms_cannot_be_redefined_wherever_the_core_stands(first: bool) -> None:
    mine = {
        "location": "http://evil.example/",
        "Property": "http://evil.example/P",
        "id": "http://evil.example/id",
    }
    own = table(*([core_contexts.CORE_URL, mine] if first else [mine, core_contexts.CORE_URL]))
    assert own.iri("location") == NGSI + "location"
    assert own.iri("Property") == NGSI + "Property"
    assert own.iri("id") == "@id"


def test_the_vocabulary_of_the_core_stands_over_that_of_the_user() -> None:
    own = table({"@vocab": "http://voc.example/", "known": {"@type": "@id"}})
    assert own.iri("known") == "http://voc.example/known"
    assert own.iri("unknown") == VOCAB + "unknown"


def test_compaction_without_a_term_gives_the_whole_iri() -> None:
    assert table().term("https://example.org/Shelter") == "https://example.org/Shelter"
    # the core has the prefix ngsi-ld, as JSON-LD compaction and the public suite (001_05) have it
    assert table().term(NGSI + "somethingElse") == "ngsi-ld:somethingElse"


def test_prefixes_of_the_user_expand_and_compact() -> None:
    own = table({"ex": "https://example.org/#", "Shelter": "ex:Shelter"})
    assert own.iri("ex:rooms") == "https://example.org/#rooms"
    assert own.term("https://example.org/#rooms") == "ex:rooms"
    assert own.term("https://example.org/#Shelter") == "Shelter"
    assert own.iri("https://example.org/#Shelter") == "https://example.org/#Shelter"


def test_a_term_hidden_by_null_is_neither_lost_nor_confused() -> None:
    own = table({"name": None, "parent": {"@reverse": "http://x.example/child"}, "kennung": "@id"})
    for term in ("name", "parent", "kennung"):
        assert own.iri(term) == VOCAB + term
        assert own.term(VOCAB + term) == "ngsi-ld:default-context/" + term


def test_a_term_of_the_default_vocabulary_that_is_taken_compacts_to_a_compact_iri() -> None:
    own = table({"name": "https://schema.org/name"})
    assert own.term(VOCAB + "name") == "ngsi-ld:default-context/name"
    assert own.term("https://schema.org/name") == "name"


def test_names_that_look_like_other_iris_survive_a_round_trip() -> None:
    for name in (VOCAB + "http://a.example/b", VOCAB + "a:b", VOCAB + "@id", VOCAB, VOCAB + "id"):
        assert CORE.table.iri(CORE.table.term(name)) == name


def test_the_shortest_of_several_terms_is_chosen() -> None:
    own = table(
        {"temperature": "http://x.example/t", "temp": "http://x.example/t", "tamp": "http://x.example/t"}
    )
    assert own.term("http://x.example/t") == "tamp"
    assert own.iri("temperature") == "http://x.example/t"


def test_member_names_inside_values_are_renamed_at_any_depth() -> None:
    own = table({"street": "http://x.example/street"})
    value = {"street": [{"street": 1, "type": "T"}, 2, "street"], "other": {"@type": "D", "@value": 3}, "": 4}
    renamed = own.value(value)
    assert renamed == {
        "http://x.example/street": [{"http://x.example/street": 1, "@type": "T"}, 2, "street"],
        VOCAB + "other": {"@type": "D", "@value": 3},
        "": 4,
    }
    assert own.compact_value(renamed) == value
    assert own.value("text") == "text"


def test_two_names_of_one_iri_lose_no_member() -> None:
    own = table({"a": "http://x.example/a", "b": "http://x.example/a"})
    for value in ({"a": 1, "b": 2}, {"b": 2, "http://x.example/a": 3}, {"type": 1, "@type": 2}):
        assert sorted(own.value(value).values()) == sorted(value.values())
        assert sorted(own.compact_value(own.value(value)).values()) == sorted(value.values())


def test_equal_contexts_have_equal_keys() -> None:
    assert table({"a": "http://x.example/"}).key == table({"a": "http://x.example/"}).key
    assert table({"a": "http://x.example/"}).key != table({"a": "http://y.example/"}).key


def test_memory_for_names_stays_bounded() -> None:
    for number in range(10_000):
        CORE.table.iri(f"name{number}")
    memo = CORE.table.iri.__self__  # type: ignore[attr-defined]  # the bound method's dict
    assert len(memo) <= 2_000


def test_remote_contexts_stand_in_the_place_of_their_urls() -> None:
    own = table(
        {"a": "http://one.example/"},
        "http://h.example/outer",
        {"c": "http://three.example/"},
        outer={"a": "http://outer.example/", "b": "http://outer.example/"},
    )
    assert [own.iri(t) for t in "abc"] == [
        "http://outer.example/",
        "http://outer.example/",
        "http://three.example/",
    ]


def test_relative_urls_inside_a_remote_context_are_relative_to_it() -> None:
    own = table("http://h.example/x/outer", outer=["../y/inner"], inner={"a": "http://inner.example/"})
    assert own.iri("a") == "http://inner.example/"


def test_null_forgets_what_stood_before() -> None:
    own = table({"a": "http://one.example/"}, None, {"b": "http://two.example/"})
    assert own.iri("a") == VOCAB + "a"
    assert own.iri("b") == "http://two.example/"


@pytest.mark.parametrize(
    "context",
    [
        {"Vehicle": {"@id": "http://x.example/V", "@context": {"speed": "http://x.example/s"}}},
        {"Vehicle": {"@id": "http://x.example/V", "@context": None}},
        {"@import": "http://x.example/c"},
        {"@propagate": False, "a": "http://x.example/"},
        {"@context": {"a": "http://x.example/"}},
        {"@version": 1.2},
        {"a": 1},
        {"a": ["http://x.example/"]},
        {"a": {"@id": 1}},
        {"a": {"@id": "http://x.example/", "@container": "@nonsense"}},
        {"a": {"@id": "http://x.example/", "unknown": 1}},
        {"a": "b:c", "b": "a:d"},
        {"": "http://x.example/"},
        {"@id": "http://x.example/"},
        {"@vocab": 1},
        {f"p{n}": f"p{n + 1}:x" for n in range(3_000)} | {"p3000": "http://x.example/#"},
        42,
        True,
        ["http://x.example/ctx", 7],
        "relative.jsonld",
        "ftp://x.example/ctx",
        "http://",
        "http://x.example:port/",
        "urn:ngsi-ld:x",
        [{"a": "http://x.example/"}] * 200,
    ],
    ids=lambda context: str(context)[:40],
)
def test_refuses_contexts_that_are_none_or_not_allowed(context: object) -> None:
    with pytest.raises(BadRequestData):
        table_of(CORE, flatten(context, lambda _: {}, (), 4))


def test_refuses_contexts_that_refer_to_themselves_or_too_deeply() -> None:
    with pytest.raises(BadRequestData, match="circle"):
        table("http://h.example/a", a="http://h.example/b", b=["http://h.example/a"])
    with pytest.raises(BadRequestData, match="deep"):
        flatten("http://h.example/0", lambda url: f"http://h.example/{int(url[17:]) + 1}", (), 4)


def test_ignores_what_json_ld_reserves() -> None:
    own = table(
        {"@future": "http://x.example/", "a": "@unknown", "@language": None, "@base": None, "@vocab": None}
    )
    assert own.iri("a") == VOCAB + "a"


def test_a_protected_term_of_a_user_context_is_protected_from_the_next() -> None:
    with pytest.raises(BadRequestData, match="protected"):
        table({"@protected": True, "a": "http://x.example/a"}, {"a": "http://y.example/a"})


def test_elements_are_given_in_order() -> None:
    assert elements(["http://x.example/c", {"a": "http://x.example/"}, None]) == [
        "http://x.example/c",
        {"a": "http://x.example/"},
        None,
    ]
