"""Opens an OTK1 envelope of mode 1 (direct) and KEM 32 (X25519), of any size."""

import json
from hashlib import sha256

from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey


def check(good, why):
    if not good:
        raise ValueError(why)


def once(pairs):
    check(len(dict(pairs)) == len(pairs), "the header names a member twice")
    return dict(pairs)


# The body. `keys` has the private keys by their id; `request` is (ISS, AUD, METHOD, PATH, ID).
def receive(envelope, keys, request):
    end, mode1 = 8 + int.from_bytes(envelope[6:8], "big"), envelope[:6] == b"OTK1\x01\x00"
    check(mode1 and end <= min(8200, len(envelope)), "not an envelope of mode 1")
    header = json.loads(envelope[8:end].decode(), object_pairs_hook=once)
    asked = tuple(header[name] for name in ("iss", "aud", "m", "p", "did"))
    check(asked == request, "for another request")
    kid = header["rcpt"][0]["kid"]
    rcpt = [{"kid": kid, "kem": 32, "kdf": 1, "aead": 3}]
    check(kid in keys and [header["v"], header["rcpt"]] == [1, rcpt], "for another key")
    enc, sealed = envelope[end : end + 32], envelope[end + 32 :]
    check(len(sealed) % 16400 >= 16, "cut off")  # the last chunk is never a full one
    suite = (KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    info = b"OTK1 direct\0" + sha256(envelope[:end]).digest()
    key = KEMKey.from_pyca_cryptography_key(keys[kid])
    context = CipherSuite.new(*suite).create_recipient_context(enc, key, info=info)
    chunks = [sealed[at : at + 16400] for at in range(0, len(sealed), 16400)]
    body = b"".join(context.open(chunk) for chunk in chunks)
    if header.get("pad"):
        body = body.rstrip(b"\0")
        check(body.endswith(b"\x80"), "wrong padding")
        body = body[:-1]
    return body
