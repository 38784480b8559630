"""The query language, rule by rule: which values equal, which compare, which match; in lists, ranges, times. (4.9)"""

from typing import Any

from conformance.case import case
from conformance.entity import json_property, lang, list_property, list_rel, prop, rel, vehicle, vocab
from conformance.subject import Subject

FEATURE = "Query language"
ONE, TWO, THREE = (f"urn:ngsi-ld:Company:{n}" for n in (1, 2, 3))


async def finds(broker: Subject, things: list[Any], expected: dict[str, list[int]], **params: Any) -> None:
    """Demand, for each q, the indexes of the vehicles it finds by their attribute `thing`."""
    made = await broker.have_all(*(vehicle(thing=thing) for thing in things))
    for query, indexes in expected.items():
        answer = await broker.get("/entities", type=made[0].type, q=query, **params)
        answer.status(200).body.ids(*(made[n] for n in indexes))


@case("4.9", "== takes an array that has the value", feature=FEATURE)
async def in_array(broker: Subject) -> None:
    await finds(broker, [["blue", "red"], ["blue"], "red"], {'thing=="red"': [0, 2]})


@case("4.9", "!= does not take an array that has the value", feature=FEATURE)
async def not_in_array(broker: Subject) -> None:
    await finds(broker, [["blue", "red"], ["blue"], "red", "x"], {'thing!="red"': [1, 3]})


@case("4.9", "a list of values takes an array that has any of them", feature=FEATURE)
async def list_and_array(broker: Subject) -> None:
    things = [["blue", "red"], ["green"], ["white", "black"]]
    await finds(broker, things, {'thing=="red","black"': [0, 2], 'thing!="red","black"': [1]})


@case("4.9", "!= with a list takes what equals none of it", feature=FEATURE)
async def not_in_list(broker: Subject) -> None:
    await finds(broker, [1, 2, 3, "x"], {"thing!=1,3": [1, 3]})


@case("4.9", "!= with a range takes what is outside", feature=FEATURE)
async def not_in_range(broker: Subject) -> None:
    await finds(broker, [9, 10, 20, 21], {"thing!=10..20": [0, 3]})


@case("4.9", "== with a range is false for other types", feature=FEATURE)
async def range_of_other_type(broker: Subject) -> None:
    await finds(broker, [15, "15", True], {"thing==10..20": [0]})


@case("4.9", "ranges of fractions and negative numbers", feature=FEATURE)
async def range_of_fractions(broker: Subject) -> None:
    await finds(broker, [-2.5, -1, 0.5, 3], {"thing==-1.5..0.5": [1, 2], "thing<-1": [0], "thing==-1": [1]})


@case("4.9", "!= demands that the attribute is there", feature=FEATURE)
async def unequal_is_there(broker: Subject) -> None:
    made = await broker.have_all(vehicle(speed=1), vehicle(colour="red"))
    (await broker.get("/entities", type=made[0].type, q='colour!="blue"')).status(200).body.ids(made[1])


@case("4.9", "a list may mix types of values", feature=FEATURE)
async def mixed_list(broker: Subject) -> None:
    await finds(broker, [1, "a", True, 2], {'thing==1,"a",true': [0, 1, 2]})


@case("4.9", "text that looks like q is plain text within quotes", feature=FEATURE)
async def quoted_signs(broker: Subject) -> None:
    await finds(broker, ["a;b|c", "a,b", "(a)", "a..b", 'say "x"'], {
        'thing=="a;b|c"': [0], 'thing=="a,b"': [1], 'thing=="(a)"': [2], 'thing=="a..b"': [3],
        r'thing=="say \"x\""': [4],
    })  # fmt: skip


@case("4.9, 4.6.1", "text of any script is compared", feature=FEATURE)
async def any_script(broker: Subject) -> None:
    await finds(broker, ["養父市", "朝来市", "👪"], {'thing=="養父市"': [0], 'thing=="👪"': [2]})


@case("4.9", "Relationships are compared by == and != alone; other operators match none", feature=FEATURE)
async def relationship_operators(broker: Subject) -> None:
    await finds(broker, [rel(ONE), rel(TWO)], {
        f"thing=={TWO}": [1], f"thing!={TWO}": [0], f'thing=="{ONE}"': [0], 'thing>"urn"': [], "thing~=urn.*": [],
    })  # fmt: skip


@case("4.9, 4.5.3", "a Relationship with several objects is taken by any of them", feature=FEATURE)
async def several_objects(broker: Subject) -> None:
    await finds(broker, [rel([ONE, TWO]), rel(THREE)], {f'thing=="{TWO}"': [0], f'thing!="{TWO}"': [1]})


@case("4.9", "a Relationship is compared with a list of URIs", feature=FEATURE)
async def list_of_uris(broker: Subject) -> None:
    things = [rel(ONE), rel(TWO), rel(THREE)]
    await finds(broker, things, {f'thing=="{ONE}","{THREE}"': [0, 2], f'thing!="{ONE}","{THREE}"': [1]})


@case("4.9, 4.5.22", "a ListRelationship is taken by any of its objects", feature=FEATURE)
async def list_relationship(broker: Subject) -> None:
    await finds(broker, [list_rel([ONE, TWO]), list_rel([THREE])], {f'thing=="{TWO}"': [0]})


@case("4.9, 4.5.21", "a ListProperty is taken by any of its values", feature=FEATURE)
async def list_of_values(broker: Subject) -> None:
    await finds(broker, [list_property([1, 2]), list_property([3])], {"thing==2": [0], "thing!=2": [1]})


@case("4.9, 4.5.18", "a LanguageProperty without a language is taken by any of its words", feature=FEATURE)
async def any_language(broker: Subject) -> None:
    things = [lang({"en": "car", "ja": "車"}), lang({"en": "bus"})]
    await finds(broker, things, {'thing=="車"': [0], 'thing[*]=="bus"': [1], "thing": [0, 1]})


@case("4.9, 4.5.18", "a language that is named alone is looked at", feature=FEATURE)
async def named_language(broker: Subject) -> None:
    things = [lang({"fr": "rouge", "en": "red"}), lang({"fr": "red", "en": "black"})]
    await finds(broker, things, {'thing[en]=="red"': [0], 'thing[en]!="red"': [1], "thing[fr]~=^r.d$": [1]})


@case("4.9, 4.5.18", "several words of a language are each looked at", feature=FEATURE)
async def words_of_language(broker: Subject) -> None:
    things = [lang({"en": ["red", "cat"], "fr": "chat"}), lang({"en": ["coal", "black"]})]
    await finds(broker, things, {'thing[en]=="cat"': [0], 'thing[en]!="cat"': [1], 'thing[*]=="black"': [1]})


@case("4.9", "a pattern matches neither numbers nor true, and so does its contrary", feature=FEATURE)
async def pattern_of_other_types(broker: Subject) -> None:
    await finds(broker, ["12", 12, True], {"thing~=1.*": [0], "thing!~=x.*": [0]})


@case("4.9", "< and > compare texts", feature=FEATURE)
async def order_of_texts(broker: Subject) -> None:
    await finds(broker, ["apple", "pear", "plum"], {'thing>"orange"': [1, 2], 'thing<="pear"': [0, 1]})


@case("4.9, 4.6.3", "Dates are compared as days", feature=FEATURE)
async def dates(broker: Subject) -> None:
    things = [prop({"@type": "Date", "@value": f"2026-0{n}-15"}) for n in (1, 2, 3)]
    await finds(broker, things, {"thing>=2026-02-01": [1, 2], "thing==2026-01-01..2026-02-28": [0, 1]})


@case("4.9, 4.6.3", "DateTimes of different precision are one instant", feature=FEATURE)
async def precision(broker: Subject) -> None:
    things = [prop(1, observedAt="2026-03-01T00:00:00Z"), prop(1, observedAt="2026-03-01T00:00:00.100Z")]
    await finds(broker, things, {
        "thing.observedAt==2026-03-01T00:00:00.000Z": [0], "thing.observedAt==2026-03-01T00:00:00.1Z": [1],
        "thing.observedAt<2026-03-01T00:00:00.05Z": [0],
    })  # fmt: skip


@case("4.9", "a range of instants takes its ends", feature=FEATURE)
async def range_of_instants(broker: Subject) -> None:
    things = [prop(1, observedAt=f"2026-03-0{n}T00:00:00Z") for n in (1, 2, 3)]
    await finds(broker, things, {"thing.observedAt==2026-03-01T00:00:00Z..2026-03-02T00:00:00Z": [0, 1]})


@case("4.9", "createdAt of an attribute can be asked for", feature=FEATURE)
async def created_at(broker: Subject) -> None:
    past, future = broker.moment(-3600), broker.moment(3600)
    await finds(broker, [1], {f"thing.createdAt>{past}": [0], f"thing.createdAt>{future}": []})


@case("4.9", "a member of a sub-attribute's value is reached with dots and brackets", feature=FEATURE)
async def member_of_sub_attribute(broker: Subject) -> None:
    things = [prop(40, raw={"air": {"dust": 40}}), prop(40, raw={"air": {"dust": 41}}), prop(40)]
    await finds(broker, things, {"thing.raw[air.dust]==40": [0], "thing.raw[air.dust]": [0, 1]})


@case("4.9", "a member that is not there makes the attribute absent", feature=FEATURE)
async def member_absent(broker: Subject) -> None:
    things = [{"city": "Yabu"}, {"street": "1"}, "Yabu"]
    await finds(broker, things, {"thing[city]": [0], 'thing[city]!="Asago"': [0]})


@case("4.9", "a sub-Relationship is compared", feature=FEATURE)
async def sub_relationship(broker: Subject) -> None:
    await finds(broker, [prop(1, by=rel(ONE)), prop(1, by=rel(TWO))], {f"thing.by=={ONE}": [0]})


@case("4.9", "a sub-attribute alone asks whether it is there", feature=FEATURE)
async def sub_attribute_there(broker: Subject) -> None:
    await finds(broker, [prop(1, accuracy=0.1), prop(1)], {"thing.accuracy": [0]})


@case("4.9, 4.5.20", "a vocabulary term is compared with the IRI it stands for", feature=FEATURE)
async def vocabulary(broker: Subject) -> None:
    iri = "https://uri.etsi.org/ngsi-ld/default-context/Open"
    await finds(broker, [vocab("Open"), vocab("Closed")], {f'thing=="{iri}"': [0], f'thing!="{iri}"': [1]})


@case("4.9, 4.5.24", "a member of JSON is compared as it stands", feature=FEATURE)
async def json_member(broker: Subject) -> None:
    things = [json_property({"value": "late", "id": "a"}), json_property({"value": "early"})]
    await finds(broker, things, {'thing[value]=="late"': [0]}, jsonKeys="thing")


@case("4.9", "and within or, or within and, in parentheses", feature=FEATURE)
async def nested(broker: Subject) -> None:
    await finds(broker, [1, 5, 9, 20], {
        "(thing>=5;thing<=9)|thing>=20": [1, 2, 3], "(thing<2|thing>8);(thing<10|thing>30)": [0, 2],
        "((thing>4|thing>30);thing<9)": [1],
    })  # fmt: skip


@case("4.9", "0, false, the empty text and nothing are different values", feature=FEATURE)
async def empty_values(broker: Subject) -> None:
    await finds(broker, [0, False, "", []], {"thing==0": [0], "thing==false": [1], 'thing==""': [2]})


@case("4.9", "numbers are compared by value, however they are written", feature=FEATURE)
async def written_numbers(broker: Subject) -> None:
    await finds(broker, [100, 0.5], {"thing==1e2": [0], "thing==100.0": [0], "thing==5E-1": [1]})


@case("4.9, 6.23.3.1", "a POSTed query takes the same q", feature=FEATURE, needs=("batch",))
async def posted(broker: Subject) -> None:
    made = await broker.have_all(vehicle(thing=1), vehicle(thing=2), vehicle(thing="x"))
    for query, expected in (("thing==1..2", made[:2]), ('thing!=1;thing!="x"', made[1:2])):
        body = {"type": "Query", "entities": [{"type": made[0].type}], "q": query}
        (await broker.post("/entityOperations/query", body)).status(200).body.ids(*expected)


@case("4.9", "what is no q is refused, and told so", feature=FEATURE)
async def refused(broker: Subject) -> None:
    for query in (
        "",
        "thing=1",
        "thing==1|",
        "thing==1..",
        "thing[a==1",
        "thing==[1]",
        "thing{a",
        'thing=="a',
    ):
        (await broker.get("/entities", type=broker.type("Vehicle"), q=query)).refused(400, "BadRequestData")
