"""The domain models: sound schemas, terms for all they name, labels in both languages."""

import json

import jsonschema
import pytest

from schemas import catalogue


@pytest.mark.parametrize("name", catalogue.names())
def test_a_schema_is_sound_and_the_context_has_a_term_for_all_it_names(name: str) -> None:
    schema = catalogue.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["type"]["const"] == name
    assert catalogue.iri(name)
    for term, form in schema["properties"].items():
        if term not in ("id", "type"):
            assert catalogue.iri(term)
            assert set(form["x-label"]) == {"ja", "en"}
            assert set(form.get("x-values", {})) == set(
                form.get("enum", form.get("items", {}).get("enum", []))
            )


def test_no_two_terms_share_an_iri_and_none_redefines_the_core() -> None:
    terms = catalogue.context()
    assert len(set(terms.values())) == len(terms)
    assert not set(terms) & set(catalogue.CORE_TERMS)
    assert all(iri.startswith("https://") for iri in terms.values())


def test_the_folder_of_preloaded_contexts_has_an_index() -> None:
    index = json.loads((catalogue.CONTEXT_FOLDER / "index.json").read_text(encoding="utf-8"))
    assert catalogue.CONTEXT_URL in index
    for file in index.values():
        assert "@context" in json.loads((catalogue.CONTEXT_FOLDER / file).read_text(encoding="utf-8"))


def test_an_unknown_type_has_no_schema() -> None:
    with pytest.raises(KeyError):
        catalogue.schema("../catalogue")
