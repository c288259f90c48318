"""Private keys as `otkel keygen partner` writes them, by their ids."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def read_keys(*files):
    keys = {}
    for file in files:
        with open(file, "rb") as opened:
            pem = opened.read()
        key, public = hybrid(pem) if b"MLKEM768-X25519" in pem else x25519(pem)
        kid = base64.urlsafe_b64encode(hashlib.sha256(public).digest()[:16])
        keys[kid.decode().rstrip("=")] = key
    return keys


def x25519(pem):
    key = load_pem_private_key(pem, None)
    return key, key.public_key().public_bytes_raw()


def hybrid(pem):
    """KEM 0x647a: the file holds the seed that both keys come from (X-Wing, section 5.2)."""
    seed = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    classic = X25519PrivateKey.from_private_bytes(expanded[64:])
    public = mlkem.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(mlkem, classic), public
