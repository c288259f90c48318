"""Opens envelopes of any mode with code that is not the gateway's.

HPKE messages of one piece are opened by PyPI `cryptography` alone. What it does not offer is
written out here from the documents: HPKE contexts and their exports (RFC 9180), the combiner of
MLKEM768-X25519 (draft-connolly-cfrg-xwing-kem) and c2sp.org/chunked-encryption.
"""

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

CHUNK, TAG, SALT, COMMITMENT, WRAPPED = 16384, 16, 24, 32, 48
DIRECT, WRAPPED_MODE, KEPT = 1, 2, 3
LABELS = {DIRECT: b"OTK1 direct\0", WRAPPED_MODE: b"OTK1 wrap\0\0\0", KEPT: b"OTK1 kept\0\0\0"}
X25519, HYBRID = 0x20, 0x647A
ENC = {X25519: 32, HYBRID: 1120}
PKCS8_X25519 = bytes.fromhex("302e020100300506032b656e04220420")


class Refused(Exception):
    pass


class Recipient:
    """A private key of either KEM."""

    def __init__(self, kem, raw):
        self.kem = kem
        if kem == X25519:
            self.x25519 = self.key = X25519PrivateKey.from_private_bytes(raw)
            self.public = self.x25519.public_key().public_bytes_raw()
            kem = hpke.KEM.X25519
        else:
            seeds = hashlib.shake_256(raw).digest(96)
            self.mlkem = MLKEM768PrivateKey.from_seed_bytes(seeds[:64])
            self.x25519 = X25519PrivateKey.from_private_bytes(seeds[64:])
            self.key = hpke.MLKEM768X25519PrivateKey(self.mlkem, self.x25519)
            points = self.x25519.public_key().public_bytes_raw()
            self.public = self.mlkem.public_key().public_bytes_raw() + points
            kem = hpke.KEM.MLKEM768_X25519
        self.suite = hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        digest = hashlib.sha256(self.public).digest()[:16]
        self.kid = base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def shared(self, enc):
        """The KEM's shared secret."""
        if self.kem == X25519:
            kem = b"KEM" + self.kem.to_bytes(2, "big")
            point = self.x25519.exchange(X25519PublicKey.from_public_bytes(enc))
            prk = labeled_extract(kem, b"", b"eae_prk", point)
            return labeled_expand(kem, prk, b"shared_secret", enc + self.public, 32)
        point = self.x25519.exchange(X25519PublicKey.from_public_bytes(enc[-32:]))
        first = self.mlkem.decapsulate(enc[:-32])
        label = b"\\.//^\\"
        return hashlib.sha3_256(first + point + enc[-32:] + self.public[-32:] + label).digest()

    def context(self, enc, info):
        """Key, base nonce and exporter secret of a base-mode context (RFC 9180, section 5.1)."""
        suite = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (self.kem, 1, 3))
        id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
        info_hash = labeled_extract(suite, b"", b"info_hash", info)
        context = b"\0" + id_hash + info_hash
        prk = labeled_extract(suite, self.shared(enc), b"secret", b"")
        key = labeled_expand(suite, prk, b"key", context, 32)
        nonce = labeled_expand(suite, prk, b"base_nonce", context, 12)
        return key, nonce, labeled_expand(suite, prk, b"exp", context, 32)

    def export(self, enc, info, label):
        suite = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (self.kem, 1, 3))
        return labeled_expand(suite, self.context(enc, info)[2], b"sec", label, 32)


def labeled_extract(suite, salt, label, material):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def labeled_expand(suite, prk, label, info, length):
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return expand(prk, labeled, length)


def expand(prk, info, length):
    """HKDF-Expand (RFC 5869)."""
    block, out = b"", b""
    for n in range(1, 4):
        block = hmac.digest(prk, block + info + bytes([n]), "sha256")
        out += block
    return out[:length]


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
    mode = envelope[4]
    if mode not in LABELS:
        raise Refused("Mode")
    if envelope[5] != 0:
        raise Refused("Flags")
    length = int.from_bytes(envelope[6:8], "big")
    if not 2 <= length <= 8192:
        raise Refused("Header")
    prefix, sealed = envelope[: 8 + length], envelope[8 + length :]
    if len(prefix) < 8 + length:
        raise Refused("Short")
    header = read_header(prefix[8:], mode)
    try:
        body = open_sealed(mode, header, prefix, sealed, secret)
    except (InvalidTag, ValueError) as wrong:  # ValueError: a point of low order
        raise Refused("Sealed") from wrong
    return header, strip(body) if header.get("pad", False) else body


def read_header(text, mode):
    try:
        header = json.loads(text.decode(), object_pairs_hook=once)
        kids = [recipient["kid"] for recipient in header["rcpt"]]
        suites = [(to["kem"], to["kdf"], to["aead"]) for to in header["rcpt"]]
        header["aud"], header["m"], header["p"], header["did"]
        well = header["v"] == 1 and 1 <= len(kids) <= (16 if mode == WRAPPED_MODE else 1)
    except (ValueError, TypeError, KeyError) as wrong:
        raise Refused("Header") from wrong
    if not well or len(set(kids)) != len(kids):
        raise Refused("Header")
    if any(kem not in ENC or rest != [1, 3] for kem, *rest in suites):
        raise Refused("Suite")
    return header


def open_sealed(mode, header, prefix, sealed, secret):
    info = LABELS[mode] + hashlib.sha256(prefix).digest()
    found, place = None, 0
    for to in header["rcpt"]:
        enc = sealed[place : place + ENC[to["kem"]]]
        place += ENC[to["kem"]]
        wrapped = sealed[place : place + WRAPPED]
        place += WRAPPED if mode == WRAPPED_MODE else 0
        if to["kid"] == secret.kid:
            found = enc, enc + wrapped
            if to["kem"] != secret.kem:
                raise Refused("Suite")
    rest = sealed[place:]
    if len(rest) < (0 if mode == DIRECT else SALT + COMMITMENT):
        raise Refused("Short")
    if not found:
        raise Refused("Key")
    enc, wrap = found
    if mode == DIRECT:
        if len(rest) <= CHUNK + TAG:
            return short(secret.suite.decrypt(sealed, secret.key, info)) if rest[15:] else cut()
        key, nonce, _ = secret.context(enc, info)
        return open_chunks(key, nonce, rest)
    salt, commitment, chunks = rest[:24], rest[24:56], rest[56:]
    if mode == WRAPPED_MODE:
        prk = secret.suite.decrypt(wrap, secret.key, info)
    else:
        prk = secret.export(enc, LABELS[KEPT], info + salt)
    label = b"c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305\0"
    derived = expand(prk, label + salt + info, 76)
    if not hmac.compare_digest(derived[44:], commitment):
        raise Refused("Commitment")
    return open_chunks(derived[:32], derived[32:44], chunks)


def open_chunks(key, nonce, chunks):
    full, last = divmod(len(chunks), CHUNK + TAG)
    aead, body = ChaCha20Poly1305(key), b""
    for n in range(full + 1):
        chunk = chunks[n * (CHUNK + TAG) : (n + 1) * (CHUNK + TAG)]
        if n == full and last < TAG:
            cut()
        number = (int.from_bytes(nonce, "big") ^ n).to_bytes(12, "big")
        body += aead.decrypt(number, chunk, b"")
    return body


def short(body):
    return body if len(body) < CHUNK else cut()


def cut():
    raise Refused("Short")


def strip(body):
    body = body.rstrip(b"\0")
    if body[-1:] != b"\x80":
        raise Refused("Pad")
    return body[:-1]


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


def why(data, secret):
    """Why an envelope is refused, or None."""
    try:
        open_envelope(data, secret)
    except Refused as refused:
        return str(refused)
    return None


def vectors(folder):
    folder = Path(folder)
    index = json.loads((folder / "index.json").read_text())
    keys = {}
    for name, pair in index["recipients"].items():
        keys[name] = Recipient(pair["kem"], bytes.fromhex(pair["secret"]))
        assert (keys[name].public.hex(), keys[name].kid) == (pair["public"], pair["kid"])
    read = lambda name: (folder / name).read_bytes()
    differs = lambda header: [n for n, v in index["request"].items() if header[n] != v]
    for vector in index["opens"]:
        header, body = open_envelope(read(vector["file"]), keys[vector["key"]])
        pattern = bytes(n % 251 for n in range(vector["length"]))
        assert body == bytes.fromhex(vector.get("body", pattern.hex())), vector["file"]
        assert not differs(header), vector["file"]
    for vector in index["refused"]:
        data = read(vector.get("of") or vector["file"])
        data = edited(data, vector["edit"]) if "edit" in vector else data
        told = why(data, keys[vector["key"]])
        assert told == vector["why"], (vector["name"], told)
    changed = 0
    for kind in ("flip", "cut"):
        for vector in index[kind + "s"]:
            data = read(vector["of"])
            for place in range(vector["from"], vector["to"]):
                assert why(edited(data, [kind, place]), keys[vector["key"]]), (vector, place)
                changed += 1
    for vector in index["misdirected"]:
        header, _ = open_envelope(read(vector["file"]), keys[vector["key"]])
        assert differs(header) == [vector["member"]], vector
    for vector in index["replies"]:
        header, body = open_envelope(read(vector["file"]), keys[vector["key"]])
        swapped = header | {"iss": header["aud"], "aud": header["iss"]}
        if "why" in vector:
            assert differs(swapped) or "st" not in header, vector
        else:
            assert not differs(swapped) and header["st"] == vector["status"], vector
            assert body == bytes(n % 251 for n in range(vector["length"])), vector
    signed(index, read, keys["x25519"])
    opens, refused = len(index["opens"]), len(index["refused"])
    print(f"{opens} open, {refused} are refused, and {changed} with a byte changed or missing")


def signed(index, read, secret):
    """Streams with a signature behind each envelope."""
    (vector,) = index["signed"]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(vector["signed_by"]))
    bodies = open_signed(read(vector["file"]), key, secret)
    assert [len(body) for body in bodies] == vector["lengths"]
    for vector in index["badly_signed"]:
        data = read(vector.get("of") or vector["file"])
        data = edited(data, vector["edit"]) if "edit" in vector else data
        try:
            open_signed(data, key, secret)
        except (Refused, InvalidSignature):
            continue
        raise AssertionError(vector)


def open_signed(data, key, secret):
    bodies, parts = [], []
    while data:
        length = int.from_bytes(data[:4], "big")
        envelope, signature = data[4 : 4 + length], data[4 + length : 68 + length]
        digest = hashlib.sha256(envelope).digest()
        key.verify(signature, b"OTK1 part\0\0\0" + digest)
        header, body = open_envelope(envelope, secret)
        parts.append(header["stream"])
        bodies.append(body)
        data = data[68 + length :]
    if [part["n"] for part in parts] != list(range(len(parts))) or not parts[-1]["last"]:
        raise Refused("Stream")
    return bodies


def read_key(file):
    """A private key as `otkel keygen partner` writes it."""
    label, *lines = Path(file).read_text().strip().splitlines()
    raw = base64.b64decode("".join(lines[:-1]))
    if label == "-----BEGIN OTKEL MLKEM768-X25519 PRIVATE KEY-----":
        return Recipient(HYBRID, raw)
    return Recipient(X25519, raw.removeprefix(PKCS8_X25519))


def envelope(key, file):
    header, body = open_envelope(Path(file).read_bytes(), read_key(key))
    print(json.dumps(header), file=sys.stderr)
    sys.stdout.buffer.write(body)
