"""The log over HTTP, judged by another implementation of Merkle trees (pymerkle). (RFC 9162 2.1, 4.10)"""

import hmac
from hashlib import sha256
from typing import Any

import orjson
from joserfc import jws
from joserfc.jwk import KeySet
from pymerkle import InmemoryTree, MerkleProof, verify_consistency, verify_inclusion

from base import clock
from personal.audit import checking, reading
from personal.rules.identifiers import framed
from personal.rules.residents import State
from personal.store import people
from personal.store.town import rows
from tests.personal.audit.doings import accesses, busy, handle, read_entries, write_entries
from tests.personal.live import Live


def judged(entries: list[bytes]) -> InmemoryTree:
    """Build the tree of a log with the other implementation."""
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append(entry)
    return tree


async def head(live: Live) -> dict[str, Any]:
    """Ask for the head, and verify its signature under the published keys."""
    told: dict[str, Any] = (await live.get("/audit/head")).json
    keys = KeySet.import_key_set((await live.get("/keys")).json)
    signed = jws.deserialize_compact(told["signed"], keys, algorithms=["ES256"])
    claims = orjson.loads(signed.payload)
    assert claims == {
        "municipality": live.town.id,
        **{name: told[name] for name in ("size", "at", "root")},
    }
    return told


def subproof(tree: InmemoryTree, old: int, start: int, end: int, *, whole: bool = True) -> list[str]:
    """Write the proof of consistency down as it is defined, with hashes of the other implementation. (2.1.4.1)"""
    if old == end - start:
        return [] if whole else [tree.hash_range(start, end).hex()]
    middle = start + (1 << (end - start - 1).bit_length() - 1)
    if old <= middle - start:
        return [
            *subproof(tree, old, start, middle, whole=whole),
            tree.hash_range(middle, end).hex(),
        ]
    return [
        *subproof(tree, old - (middle - start), middle, end, whole=False),
        tree.hash_range(start, middle).hex(),
    ]


async def test_another_implementation_finds_the_heads_and_proofs_that_are_served(live: Live) -> None:
    await busy(live)
    first = await head(live)
    await write_entries(live, 37, clock.now())
    last = await head(live)
    tree = judged(await read_entries(live))
    for one in (first, last):
        assert tree.get_state(one["size"]).hex() == one["root"]
    for position in (0, 1, first["size"] - 1, first["size"], last["size"] - 1):
        params = {"position": str(position), "size": str(last["size"])}
        served = (await live.get("/audit/inclusion", params=params)).json["proof"]
        judge = tree.prove_inclusion(position + 1, last["size"])
        leaf = tree.get_leaf(position + 1)
        path = [leaf, *map(bytes.fromhex, served)]
        proof = MerkleProof("sha256", True, last["size"], judge.rule, judge.subset, path)
        verify_inclusion(leaf, bytes.fromhex(last["root"]), proof)
    for old in (1, 2, 7, 8, first["size"], last["size"] - 1, last["size"]):
        params = {"first": str(old), "second": str(last["size"])}
        served = (await live.get("/audit/consistency", params=params)).json["proof"]
        assert served == subproof(tree, old, 0, last["size"])
    verify_consistency(
        bytes.fromhex(first["root"]),
        bytes.fromhex(last["root"]),
        tree.prove_consistency(first["size"], last["size"]),
    )


async def test_one_head_is_signed_for_each_size_and_stays(live: Live) -> None:
    await busy(live)
    first = await head(live)
    assert await head(live) == first
    await write_entries(live, 1, clock.now())
    assert (await head(live))["size"] == first["size"] + 1


async def test_nothing_is_proven_of_what_is_not_there(live: Live) -> None:
    await write_entries(live, 6, clock.now())
    for asked in (
        "inclusion?position=0&size=0",
        "inclusion?position=5&size=5",
        "inclusion?position=0&size=100000",
        "inclusion?position=-1&size=1",
        "inclusion?position=0",
        "consistency?first=0&second=1",
        "consistency?first=3&second=2",
        "consistency?first=1&second=100000",
        "consistency?first=1&second=x",
    ):
        assert (await live.get(f"/audit/{asked}")).status == 400, asked


async def test_a_resident_proves_each_access_with_nothing_but_what_she_was_given(live: Live) -> None:
    done = await busy(live)
    seen = await accesses(live, done.hanako)
    kinds = [one["action"]["en"] for one in seen]
    assert kinds.count("Data was given out as you agreed") == 2
    assert "Data was asked for and not given out" in kinds
    keys = KeySet.import_key_set((await live.get("/keys")).json)
    for one in seen:
        told = (await live.get(f"/me/accesses/{one['position']}/proof", by=done.hanako)).json
        signed = jws.deserialize_compact(told["head"]["signed"], keys, algorithms=["ES256"])
        claims, entry = orjson.loads(signed.payload), told["entry"].encode()
        opened = told["commitment"]
        message = framed("commitment", opened["role"], opened["person"])
        committed = hmac.digest(bytes.fromhex(opened["salt"]), message, "sha256")
        assert orjson.loads(entry)["subject"] == committed.hex()
        tree = InmemoryTree(algorithm="sha256")
        rule = rule_of(told["position"], claims["size"])
        leaf = tree.hash_leaf(entry)
        path = [leaf, *map(bytes.fromhex, told["proof"])]
        proof = MerkleProof("sha256", True, claims["size"], rule, [], path)
        verify_inclusion(leaf, bytes.fromhex(claims["root"]), proof)


def rule_of(position: int, size: int) -> list[int]:
    """Say on which side each step of a path stands: what the other implementation calls its rule."""
    tree = InmemoryTree(algorithm="sha256")
    for _ in range(size):
        tree.append(b"")
    rule: list[int] = tree.prove_inclusion(position + 1, size).rule
    return rule


async def test_the_proof_of_an_access_is_for_the_one_it_is_about_only(live: Live) -> None:
    done = await busy(live)
    (first, *_) = await accesses(live, done.hanako)
    other = await live.resident("taro")
    refused = await live.get(f"/me/accesses/{first['position']}/proof", by=other)
    none = await live.get("/me/accesses/999999/proof", by=other)
    assert (refused.status, refused.raw) == (none.status, none.raw) == (404, none.raw)


async def test_no_entry_names_a_resident(live: Live) -> None:
    """Neither internal ids nor names at services, nor a hash of them that anybody could make again."""
    done = await busy(live)
    text = b"\n".join(await read_entries(live))
    names = (done.person, done.subject, "hanako", "ヤブ", "1990", "小麦", "wheat", "079-662")
    for word in names:
        assert word.encode() not in text
        for hashed in (sha256(word.encode()).hexdigest(), done.person.removeprefix("r_")):
            assert hashed.encode() not in text
    subjects = [told["subject"] for told in map(orjson.loads, text.split(b"\n")) if "subject" in told]
    assert len(subjects) == len(set(subjects)) > 4


async def test_erasing_a_resident_leaves_the_tree_as_it_was_and_nobody_named(live: Live) -> None:
    done = await busy(live)
    before, entries = await head(live), await read_entries(live)
    (about, *_) = await accesses(live, done.hanako)
    await live.town.store.write(lambda db: people.set_state(db, done.person, State.MOVED, clock.now()))
    who = {"resident": await handle(live, "privacy", done.person)}
    gone = await live.post("/records/forget", who, by=await live.staff("privacy"))
    assert gone.status == 200, gone.raw
    after = await read_entries(live)
    assert after[: len(entries)] == entries
    assert judged(after).get_state(before["size"]).hex() == before["root"]
    last = await head(live)
    params = {"first": str(before["size"]), "second": str(last["size"])}
    served = (await live.get("/audit/consistency", params=params)).json["proof"]
    assert served == subproof(judged(after), before["size"], 0, last["size"])
    assert live.town.store.read(lambda db: reading.whose(db, about["position"], "subject")) is None
    assert (
        live.town.store.read(lambda db: rows(db, "SELECT 1 FROM opening WHERE person = ?", done.person)) == []
    )
    assert live.town.store.read(lambda db: list(checking.faults(db))) == []
