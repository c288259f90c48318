"""Opens many envelopes with a receiver of the partner kit, in one process.

    drive.py MODULE CASES

A line of CASES is an envelope, a private key, ISS, AUD, METHOD, PATH and ID, with tabs between
them; what is told of it is the SHA-256 of its body, or `refused` and why.
"""

import functools
import hashlib
import importlib
import sys
from pathlib import Path

from keys import read_keys

module, cases = sys.argv[1:]
receive = importlib.import_module(module).receive
read_keys = functools.cache(read_keys)
for line in Path(cases).read_text().splitlines():
    file, key, *request = line.split("\t")
    try:
        body = receive(Path(file).read_bytes(), read_keys(key), tuple(request))
        print(hashlib.sha256(body).hexdigest())
    except Exception as why:
        print(f"refused: {why!r}")
