"""Opens a record stream: `application/vnd.otkel.envelopes`, part by part, to its last."""

import json
from hashlib import sha256

from modes import receive
from receive import check, once


# The bodies of the parts, each once it has opened. `request` is (ISS, AUD, METHOD, PATH, ID), `by`
# the key that signed the request (Ed25519PublicKey), or None where its media type does not say
# `parts=signed`. What was given out stands for nothing until the last part has come.
def receive_parts(body, keys, request, by=None):
    *route, stream = request
    number, last = 0, False
    while body:
        check(not last, "something comes after the last part")
        length = int.from_bytes(body[:4], "big")
        envelope, body = body[4:][:length], body[4 + length :]
        check(len(envelope) == length and length > 8, "cut off")
        if by is not None:
            by.verify(body[:64], b"OTK1 part\0\0\0" + sha256(envelope).digest())
            body = body[64:]
        text = envelope[8 : 8 + int.from_bytes(envelope[6:8], "big")]
        header = json.loads(text.decode(), object_pairs_hook=once)
        part = header["stream"]
        check((part["id"], part["n"]) == (stream, number), "not the next part of this stream")
        yield receive(envelope, keys, (*route, header["did"]))
        number, last = number + 1, part["last"] is True
    check(last, "the last part has not come")
