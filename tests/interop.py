"""Opens envelopes and checks a ledger with code that is not the gateway's.

The cryptography is that of PyPI `cryptography` (47 or later), the canonical JSON that of `rfc8785`;
HPKE's key schedule (RFC 9180) and the Merkle tree (RFC 6962) are written out here from the RFCs.

    interop.py vectors FOLDER          every envelope of tests/vectors/envelope opens or is refused
    interop.py envelope KEY FILE       opens one with a PKCS #8 PEM key; its body to standard output
    interop.py ledger STORE KEY NOTE   checks every entry, line and checkpoint of a SQLite store
"""

import base64
import hashlib
import hmac
import json
import sqlite3
import sys
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

CHUNK, TAG, ENC = 16384, 16, 32


class Refused(Exception):
    pass


# --- envelopes


def once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Refused("Header")
    return dict(pairs)


def open_envelope(envelope, secret):
    """The header and body of an envelope for this key."""
    if envelope[:4] != b"OTK1"[: len(envelope)]:
        raise Refused("Magic")
    if len(envelope) < 8:
        raise Refused("Short")
    if envelope[4] != 1:
        raise Refused("Mode")
    if envelope[5] != 0:
        raise Refused("Flags")
    length = int.from_bytes(envelope[6:8], "big")
    if not 2 <= length <= 8192:
        raise Refused("Header")
    prefix, sealed = envelope[: 8 + length], envelope[8 + length :]
    if len(prefix) < 8 + length:
        raise Refused("Short")
    header = read_header(prefix[8:])
    if header["rcpt"][0]["kid"] != kid(secret):
        raise Refused("Key")
    info = b"OTK1 direct\0" + hashlib.sha256(prefix).digest()
    return header, open_chunks(sealed, secret, info)


def read_header(text):
    try:
        header = json.loads(text.decode(), object_pairs_hook=once)
        recipients = header["rcpt"]
        well = header["v"] == 1 and len(recipients) == 1
    except (ValueError, TypeError, KeyError) as wrong:
        raise Refused("Header") from wrong
    if not well:
        raise Refused("Header")
    if (recipients[0]["kem"], recipients[0]["kdf"], recipients[0]["aead"]) != (0x20, 1, 3):
        raise Refused("Suite")
    return header


def open_chunks(sealed, secret, info):
    if len(sealed) < ENC + TAG:
        raise Refused("Short")
    enc, chunks = sealed[:ENC], sealed[ENC:]
    full, last = divmod(len(chunks), CHUNK + TAG)
    if last < TAG:
        raise Refused("Short")
    try:
        if full == 0:
            suite = hpke.Suite(
                hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305
            )
            return suite.decrypt(sealed, secret, info)
        key, nonce = schedule(enc, secret, info)
        aead, body = ChaCha20Poly1305(key), b""
        for n in range(full + 1):
            chunk = chunks[n * (CHUNK + TAG) : (n + 1) * (CHUNK + TAG)]
            number = (int.from_bytes(nonce, "big") ^ n).to_bytes(12, "big")
            body += aead.decrypt(number, chunk, b"")
        return body
    except InvalidTag as wrong:
        raise Refused("Sealed") from wrong


def schedule(enc, secret, info):
    """Key and base nonce of a base-mode context (RFC 9180, sections 4.1 and 5.1)."""
    shared = secret.exchange(X25519PublicKey.from_public_bytes(enc))
    kem = b"KEM" + (0x20).to_bytes(2, "big")
    context = enc + public(secret)
    prk = labeled_extract(kem, b"", b"eae_prk", shared)
    shared = labeled_expand(kem, prk, b"shared_secret", context, 32)
    suite = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, 3))
    id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = labeled_extract(suite, b"", b"info_hash", info)
    context = b"\0" + id_hash + info_hash
    prk = labeled_extract(suite, shared, b"secret", b"")
    key = labeled_expand(suite, prk, b"key", context, 32)
    return key, labeled_expand(suite, prk, b"base_nonce", context, 12)


def labeled_extract(suite, salt, label, material):
    labeled = b"HPKE-v1" + suite + label + material
    return hmac.digest(salt or bytes(32), labeled, "sha256")


def labeled_expand(suite, prk, label, info, length):
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labeled + b"\x01", "sha256")[:length]


def public(secret):
    return secret.public_key().public_bytes_raw()


def kid(secret):
    digest = hashlib.sha256(public(secret)).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def edited(data, edit):
    what, numbers = edit[0], edit[1:]
    data = bytearray(data)
    if what == "cut":
        del data[numbers[0] :]
    elif what == "flip":
        data[numbers[0]] ^= 1
    elif what == "set":
        data[numbers[0]] = numbers[1]
    elif what == "drop":
        del data[numbers[0] : numbers[1]]
    elif what == "swap":
        a, b, c = numbers
        data[a:c] = data[b:c] + data[a:b]
    elif what == "append":
        data.append(numbers[0])
    else:
        raise ValueError(what)
    return bytes(data)


def vectors(folder):
    folder = Path(folder)
    index = json.loads((folder / "index.json").read_text())
    secret = X25519PrivateKey.from_private_bytes(bytes.fromhex(index["recipient"]["secret"]))
    assert public(secret).hex() == index["recipient"]["public"]
    assert kid(secret) == index["recipient"]["kid"]
    for vector in index["opens"]:
        _, body = open_envelope((folder / vector["file"]).read_bytes(), secret)
        assert body == bytes(n % 251 for n in range(vector["length"])), vector["file"]
    for vector in index["refused"]:
        data = (folder / (vector.get("of") or vector["file"])).read_bytes()
        if "edit" in vector:
            data = edited(data, vector["edit"])
        try:
            open_envelope(data, secret)
        except Refused as why:
            assert str(why) == vector["why"], (vector["name"], str(why))
        else:
            raise AssertionError(vector["name"] + " opens")
    print(f"{len(index['opens'])} open, {len(index['refused'])} are refused")


def envelope(key, file):
    secret = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    header, body = open_envelope(Path(file).read_bytes(), secret)
    print(json.dumps(header), file=sys.stderr)
    sys.stdout.buffer.write(body)


# --- the ledger


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
    {"vectors": vectors, "envelope": envelope, "ledger": ledger}[sys.argv[1]](*sys.argv[2:])
