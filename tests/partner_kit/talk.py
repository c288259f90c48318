"""Does the partner kit's other examples: signatures, receipts, sealed answers, streams of parts.

    talk.py JOBS

A line of JOBS is a JSON object whose `do` says what; what is told of it is the outcome, or
`refused` and why.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import OKPKey
from keys import read_keys
from parts import receive_parts
from reply import seal
from signed import receipt, verify


def public(text):
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text))


def do_verify(job):
    keys = {kid: public(text) for kid, text in job["keys"].items()}
    body = Path(job["body"]).read_bytes() if job["body"] else None
    return verify(job["method"], job["url"], job["headers"], body, keys)


def do_receipt(job):
    key = OKPKey.import_key(Path(job["key"]).read_bytes())
    body, reply = Path(job["body"]).read_bytes(), job.get("reply")
    reply = Path(reply).read_bytes() if reply else None
    who = (job["iss"], job["aud"], job["did"])
    return receipt(key, *who, body, job["status"], True, job["parts"], reply)


def do_reply(job):
    sealed = seal(
        Path(job["envelope"]).read_bytes(),
        job["status"],
        job["media"],
        Path(job["body"]).read_bytes(),
    )
    Path(job["to"] + ".Python").write_bytes(sealed)
    return len(sealed)


def do_parts(job):
    by = public(job["by"]) if job["by"] else None
    body, keys = Path(job["body"]).read_bytes(), read_keys(job["key"])
    bodies = receive_parts(body, keys, tuple(job["request"]), by)
    return " ".join([hashlib.sha256(part).hexdigest() for part in bodies])


DO = {"verify": do_verify, "receipt": do_receipt, "reply": do_reply, "parts": do_parts}
for line in Path(sys.argv[1]).read_text().splitlines():
    job = json.loads(line)
    try:
        print(DO[job["do"]](job))
    except Exception as why:
        print(f"refused: {why!r}")
