"""Seals an answer to the key in the request's header, where it has one: KEM 32 (X25519)."""

import base64
import json
import time
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey


# The answer's envelope, of media type application/vnd.otkel, with status 200. `envelope` is the
# request's, which has opened; `status` and `media` are those of the real answer.
def seal(envelope, status, media, body):
    header = json.loads(envelope[8 : 8 + int.from_bytes(envelope[6:8], "big")])
    to = header.pop("re")
    if to["kem"] != 32:
        raise ValueError("not a key of X25519")
    for name in ("pad", "stream"):
        header.pop(name, None)
    header |= {"iss": header["aud"], "aud": header["iss"], "cty": media, "st": status}
    header |= {"iat": int(time.time())}
    header["rcpt"] = [{"kid": to["kid"], "kem": 32, "kdf": 1, "aead": 3}]
    text = json.dumps(header).encode()
    prefix = b"OTK1\x01\x00" + len(text).to_bytes(2, "big") + text
    key = X25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(to["pk"] + "=="))
    suite = (KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    info = b"OTK1 direct\0" + sha256(prefix).digest()
    key = KEMKey.from_pyca_cryptography_key(key)
    enc, context = CipherSuite.new(*suite).create_sender_context(key, info)
    # One chunk more than there are full ones: the last is short, and may be empty.
    chunks = [context.seal(body[at : at + 16384]) for at in range(0, len(body) + 1, 16384)]
    return prefix + enc + b"".join(chunks)
