"""Opens an OTK1 envelope of any mode, as far as the libraries go.

Mode 1: KEM 32 (X25519) of any size, KEM 0x647a (MLKEM768-X25519) below 16 KiB. Mode 2 (wrapped):
both, of any size. Mode 3 (kept): KEM 32, of any size. Anything else is refused.
"""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey
from receive import check, once

MODES = {1: b"OTK1 direct\0", 2: b"OTK1 wrap\0\0\0", 3: b"OTK1 kept\0\0\0"}
KEMS = {32: (KEM.X25519, 32), 0x647A: (KEM.MLKEM768_X25519, 1120)}
CHUNKED = b"c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305\0"


# The body. `keys` has the private keys by their id; `request` is (ISS, AUD, METHOD, PATH, ID).
def receive(envelope, keys, request):
    end, mode = 8 + int.from_bytes(envelope[6:8], "big"), int.from_bytes(envelope[4:5], "big")
    known = envelope[:4] == b"OTK1" and mode in MODES and envelope[5:6] == b"\0"
    check(known and end <= min(8200, len(envelope)), "not a whole envelope of a known mode")
    header = json.loads(envelope[8:end].decode(), object_pairs_hook=once)
    asked = tuple(header[name] for name in ("iss", "aud", "m", "p", "did"))
    check(asked == request, "for another request")
    rcpt = header["rcpt"]
    known = [to["kem"] in KEMS and (to["kdf"], to["aead"]) == (1, 3) for to in rcpt]
    check(header["v"] == 1 and all(known), "of another suite")
    differ = len({to["kid"] for to in rcpt}) == len(rcpt)
    check(differ and 1 <= len(rcpt) <= (16 if mode == 2 else 1), "a wrong list of recipients")
    mine = next(n for n, to in enumerate(rcpt + [None]) if to is None or to["kid"] in keys)
    check(mine < len(rcpt), "for another key")
    prefix = hashlib.sha256(envelope[:end]).digest()
    kem, length = KEMS[rcpt[mine]["kem"]]
    key, info, rest = keys[rcpt[mine]["kid"]], MODES[mode] + prefix, envelope[end:]
    if mode == 2:
        sizes = [KEMS[to["kem"]][1] + 48 for to in rcpt]
        own, rest = rest[sum(sizes[:mine]) : sum(sizes[: mine + 1])], rest[sum(sizes) :]
        ik = single(kem, key, own, info)
    elif mode == 3:
        ik = context(key, rest[:length], MODES[3]).export(info + rest[length:][:24], 32)
        rest = rest[length:]
    if mode != 1:
        chunks = committed(ik, rest[:24] + info, rest[24:56])
        body = open_all(rest[56:], chunks)
    elif kem is KEM.X25519:
        opening = context(key, rest[:length], info)
        body = open_all(rest[length:], lambda chunk, n: opening.open(chunk))
    else:
        body = open_all(rest[length:], lambda chunk, n: single(kem, key, rest, info), 1)
    check(not header.get("pad") or body.rstrip(b"\0").endswith(b"\x80"), "wrong padding")
    return body.rstrip(b"\0")[:-1] if header.get("pad") else body


def open_all(sealed, open_chunk, most=1 << 32):
    count, last = divmod(len(sealed), 16400)
    check(last >= 16, "cut off")  # the last chunk is never a full one
    check(count < most, "longer than one chunk, which this library has no context for")
    return b"".join(open_chunk(sealed[n * 16400 :][:16400], n) for n in range(count + 1))


def single(kem, key, sealed, info):
    """HPKE's single-shot `Open`: `enc` and one ciphertext."""
    return Suite(kem, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305).decrypt(sealed, key, info)


def context(key, enc, info):
    """HPKE's context, which `cryptography` itself does not have."""
    suite = (KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    key = KEMKey.from_pyca_cryptography_key(key)  # takes no hybrid key
    return CipherSuite.new(*suite).create_recipient_context(enc, key, info=info)


def committed(ik, salted, commitment):
    """What opens chunk n (c2sp.org/chunked-encryption), once the commitment is seen to hold."""
    derived = HKDFExpand(SHA256(), 76, CHUNKED + salted).derive(ik)
    check(hmac.compare_digest(derived[44:], commitment), "the commitment does not hold")
    aead, base = ChaCha20Poly1305(derived[:32]), int.from_bytes(derived[32:44], "big")
    return lambda chunk, n: aead.decrypt((base ^ n).to_bytes(12, "big"), chunk, None)
