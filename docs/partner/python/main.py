"""python main.py KEY.pem ISS AUD METHOD PATH ID < envelope > body"""

import sys

from keys import read_keys
from modes import receive  # or `from receive import receive`, for mode 1 and X25519 alone

if __name__ == "__main__":
    try:
        body = receive(sys.stdin.buffer.read(), read_keys(sys.argv[1]), tuple(sys.argv[2:]))
    except Exception as why:
        sys.exit(f"refused: {why!r}")
    sys.stdout.buffer.write(body)
