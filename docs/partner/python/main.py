"""python main.py KEY.pem AUD METHOD PATH ID < envelope > body"""

import base64
import hashlib
import sys

from pyhpke import KEMKey
from receive import receive


def read_keys(*files):
    """The keys by their ids, as `receive` takes them."""
    keys = [KEMKey.from_pem(open(file, "rb").read()) for file in files]
    return {kid(key.raw.public_key().public_bytes_raw()): key for key in keys}


def kid(public):
    return base64.urlsafe_b64encode(hashlib.sha256(public).digest()[:16]).decode()[:22]


if __name__ == "__main__":
    try:
        keys = read_keys(sys.argv[1])
        body = receive(sys.stdin.buffer.read(), keys, tuple(sys.argv[2:]))
    except Exception as why:
        sys.exit(f"refused: {why!r}")
    sys.stdout.buffer.write(body)
