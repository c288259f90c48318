"""Checks a ledger with code that is not the gateway's.

The cryptography is that of PyPI `cryptography`, the canonical JSON that of `rfc8785`; the Merkle
tree (RFC 6962) is written out here from the RFC.

    interop.py STORE KEY NOTE   checks every entry, line and checkpoint of a SQLite store
"""

import base64
import hashlib
import json
import sqlite3
import sys
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def once(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), "a member stands twice"
    return dict(pairs)


def root(leaves):
    """The Merkle tree hash of RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    inner = b"\x01" + root(leaves[:split]) + root(leaves[split:])
    return hashlib.sha256(inner).digest()


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def check_entry(seq, stored, data, lines):
    value = json.loads(data, object_pairs_hook=once)
    assert rfc8785.dumps(value) == data, f"entry {seq} is not canonical"
    assert value["seq"] == seq, f"entry {seq} says {value['seq']}"
    assert leaf(data) == stored, f"entry {seq} is not its leaf"
    if "subjects" in value:
        split = lines.removesuffix(b"\n").split(b"\n") if lines else []
        assert len(split) == value["subjects"]["n"], f"entry {seq} has other lines"
        assert all(rfc8785.dumps(json.loads(line)) == line for line in split)
        assert root([leaf(line) for line in split]).hex() == value["subjects"]["root"]
    return value


def check_note(note, verifier, leaves):
    """A C2SP signed checkpoint over the first entries; how many."""
    name, _, key = verifier.split("+", 2)
    key = base64.b64decode(key)
    assert key[:1] == b"\x01"
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    origin, size, tree_root = text.split("\n")[:3]
    assert origin == name, "another log's checkpoint"
    number = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    ours = [line.split(" ")[2] for line in signatures.splitlines() if f" {name} " in line]
    signed = [base64.b64decode(line) for line in ours]
    (signature,) = [data[4:] for data in signed if data[:4] == number]
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, text.encode())
    assert root(leaves[: int(size)]) == base64.b64decode(tree_root), f"root at {size}"
    return int(size)


def ledger(store, verifier, published):
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    rows = database.execute("SELECT seq, leaf, bytes, lines FROM entries ORDER BY seq").fetchall()
    assert [row[0] for row in rows] == list(range(len(rows))), "a gap"
    values = [check_entry(*row) for row in rows]
    leaves = [row[1] for row in rows]
    notes = [note for (note,) in database.execute("SELECT note FROM checkpoints")]
    notes.append(Path(published).read_text())
    signed = max(check_note(note, verifier, leaves) for note in notes)
    open_ = {v["seq"] for v in values if v["type"] == "disclosure"}
    open_ -= {v["of"] for v in values if v["type"] == "outcome"}
    report = {"entries": len(rows), "signed": signed, "open": len(open_)}
    print(json.dumps(report | {"root": root(leaves).hex()}))


if __name__ == "__main__":
    ledger(*sys.argv[1:])
