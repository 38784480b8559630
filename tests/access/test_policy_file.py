"""The policy file: what is wrong in it is named, what is changed is read, what it says is explained. (docs/access.md)"""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from base.access import ANONYMOUS, Caller
from base.access.who import Who, fits
from base.settings import SettingError
from broker.access import policy_file
from broker.access.explanation import explain
from broker.access.policies import Policies
from broker.access.rights import VERBS
from broker.app import OPERATIONS
from broker.doctor import examine
from broker.language.visibility import Attributes
from broker.operations.admission import OPEN, verbs
from broker.settings import BrokerSettings
from engawa.command import cli
from tests.live import live_broker

GUIDE = Path(__file__).parents[2] / "docs" / "access.md"
RULE = '[[rule]]\nwho = "anonymous"\nmay = "read"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]]\nwho = nobody\n", "line 2"),
        ("x = 1", "there is no 'x'"),
        ("rule = 1", "[[rule]]"),
        (RULE + "[[rule]]\nmay = 'read'", "rule 2: who is missing"),
        (RULE + "[[rule]]\nwho = 'anonymous'", "rule 2: may is missing"),
        (
            '[[rule]]\nname = "odd"\nwho = "everybody"\nmay = "read"',
            "rule 1 ('odd'): 'everybody' names nobody",
        ),
        (RULE.replace("read", "fly"), "may 'fly' means nothing"),
        (RULE + 'typs = ["A"]', "there is no 'typs'"),
        (RULE + "types = []", "types is missing or empty"),
        (RULE + 'types = ["*"]', "leave types out"),
        (RULE + "types = [1]", "types must be a text or a list of texts"),
        (RULE + 'scopes = ["/a b"]', "scope query"),
        (RULE + 'attributes = ["a"]\nattributes_except = ["b"]', "exclude each other"),
        ('"@context" = "absent.jsonld"\n' + RULE, "absent.jsonld cannot be read"),
        ('"@context" = { a = 1 }\n' + RULE, "@context"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingError) as refused:
        policy_file.load(written(tmp_path, text))
    assert told in str(refused.value)
    assert "policy.toml" in str(refused.value)


json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(["read", "anyone", "/a", "*"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
members = (
    "name",
    "who",
    "may",
    "tenants",
    "types",
    "scopes",
    "attributes",
    "attributes_except",
    "@id",
    "other",
)


@settings(max_examples=200, deadline=None)
@given(json, st.lists(st.dictionaries(st.sampled_from(members), json, max_size=6), max_size=2))
def test_any_other_content_is_understood_or_refused_in_words(context: Any, rules: Any) -> None:
    with contextlib.suppress(ValueError):
        policy_file.parse({"@context": context, "rule": rules}, Path("/nonexistent"))


def test_names_are_read_in_the_context_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "terms.jsonld").write_text('{"@context": {"Shelter": "https://example.org/Shelter"}}')
    text = '"@context" = ["terms.jsonld", { tel = "https://example.org/tel" }]\n' + RULE
    policy = policy_file.load(
        written(tmp_path, text + 'types = ["Shelter", "urn:x:T", "Other"]\nattributes = ["tel"]')
    )
    (rule,) = policy.rules
    other = "https://uri.etsi.org/ngsi-ld/default-context/Other"
    assert rule.grant.types == {"https://example.org/Shelter", "urn:x:T", other}
    assert rule.grant.attributes == Attributes(frozenset({"https://example.org/tel"}))


def test_a_changed_file_is_read_and_a_broken_one_is_not(tmp_path: Path) -> None:
    policies = Policies(written(tmp_path, RULE))
    assert policies.of(ANONYMOUS, "").may("read")
    written(tmp_path, "[[rule]]\nwho =")
    policies.refresh()
    assert policies.of(ANONYMOUS, "").may("read")
    (tmp_path / "policy.toml").unlink()
    policies.refresh()
    assert policies.of(ANONYMOUS, "").may("read")
    written(tmp_path, RULE.replace("anonymous", "role:staff"))
    policies.refresh()
    assert not policies.of(ANONYMOUS, "").may("read")
    assert policies.of(Caller("key", "a", frozenset({"staff"})), "/urn:x:snapshot").may("read")


@pytest.mark.parametrize(("text", "good"), [(RULE, True), ("[[rule]]", False)])
async def test_the_doctor_looks_at_the_policy(tmp_path: Path, text: str, good: bool) -> None:
    chosen = BrokerSettings(data=tmp_path / "data", port=0, policy=written(tmp_path, text))
    assert chosen.policy
    chosen.policy.chmod(0o600)
    (found,) = [one for one in await examine(chosen) if one.subject == "policy"]
    assert found.good is good and ("rule 1" in found.seen) is not good and bool(found.fix) is not good
    chosen.policy.chmod(0o666)
    (found,) = [one for one in await examine(chosen) if one.subject == "policy"]
    assert not found.good


async def test_the_broker_does_not_start_with_a_wrong_policy(tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        async with live_broker(tmp_path / "data", policy=written(tmp_path, "[[rule]]")):
            pass


@pytest.mark.parametrize(
    ("who", "caller", "meant"),
    [
        ("anyone", ANONYMOUS, True),
        ("authenticated", ANONYMOUS, False),
        ("authenticated", Caller("key", "a"), True),
        ("key:sensor-*", Caller("key", "sensor-7"), True),
        ("key:sensor-*", Caller("token", "sensor-7"), False),
        ("key:sensor-*", Caller("key", "my-sensor-7"), False),
        ("certificate:*.town.example", Caller("certificate", "a.town.example"), True),
        ("certificate:*.town.example", Caller("certificate", "atown.example"), False),
        ("certificate:*.town.example", Caller("certificate", "a.town.example.evil"), False),
        ("key:a.b", Caller("key", "axb"), False),
        ("key:a", Caller("key", "a\n"), False),
        ("key:a", Caller("key", "A"), False),
        ("role:staff", Caller("key", "staff"), False),
        ("role:staff", Caller("key", "a", frozenset({"staff"})), True),
    ],
)
def test_a_rule_means_whom_it_names(who: str, caller: Caller, meant: bool) -> None:
    assert Who(who).means(caller) is meant


def test_patterns_of_many_stars_end(tmp_path: Path) -> None:
    assert not fits("*" * 40 + "a" + "*b" * 8, "a" * 200)


def test_allowed_attributes_add_up_like_sets() -> None:
    some = ("a", "b", "c", "d")
    kinds = [
        Attributes(frozenset(names), others) for names in ("", "a", "ab", "bc") for others in (True, False)
    ]
    for one in kinds:
        for other in kinds:
            every = all(name in other for name in (*some, "e") if name in one)
            assert one.within(other) is every
            for name in some:
                assert (name in one.joined(other)) is (name in one or name in other)
                assert (name in one.shared(other)) is (name in one and name in other)


def test_every_operation_needs_known_verbs() -> None:
    for operation in OPERATIONS:
        needed = verbs(operation)
        assert bool(needed) is ((operation.method, operation.path) not in OPEN)
        assert len(needed) <= 2 and set(needed) <= VERBS.keys(), (operation.method, operation.path)
        assert operation.admit is None


def test_the_guide_names_every_verb_and_its_policy_can_be_read(tmp_path: Path) -> None:
    guide = GUIDE.read_text()
    for verb in VERBS:
        assert f"| `{verb}` |" in guide
    (policy,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    loaded = policy_file.load(written(tmp_path, policy))
    river = explain(loaded, Caller("key", "river-7"), "", ("write",))
    assert river.allowed and [rule.name for rule in river.deciding["write"]] == [
        "sensors write what they measure"
    ]


def explained(*words: str) -> Any:
    return CliRunner().invoke(cli, ["access", "explain", *words])


def test_the_guide_shows_what_the_command_prints(tmp_path: Path) -> None:
    guide = GUIDE.read_text()
    (policy,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    file = written(tmp_path, policy)
    (shown,) = re.findall(r"```console\n(.*?)```", guide, re.DOTALL)
    for part in shown.split("$ engawa access explain ")[1:]:
        words, _, told = part.partition("\n")
        done = explained(*words.replace("policy.toml", str(file)).split())
        assert done.output == told
        assert done.exit_code == (0 if told.startswith("allowed") else 1)


def test_explains_as_json_and_by_any_way_to_write_the_target(tmp_path: Path) -> None:
    file = str(written(tmp_path, RULE + 'types = ["A"]\nattributes_except = ["b"]'))
    for target in ("/entities?type=A", "/ngsi-ld/v1/entities", "http://x:1/ngsi-ld/v1/entities/"):
        done = explained("--policy", file, "GET", target, "--json")
        assert done.exit_code == 0 and '"allowed": true' in done.output, done.output
    assert (
        '"status": 403'
        in explained("--policy", file, "--caller", "key:a", "GET", "/entities", "--json").output
    )
    assert "no operation" in explained("--policy", file, "GET", "/nowhere").output
    assert "key:NAME" in explained("--policy", file, "--caller", "king", "GET", "/entities").output
    assert "there is no policy" in explained("GET", "/entities").output
    assert explained("--policy", file, "GET", "/jsonldContexts/x").output.startswith("allowed: everybody")
