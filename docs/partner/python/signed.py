"""Checks that a request is the gateway's, and makes the receipt for it.

Needs PyPI `http-message-signatures` and `joserfc`.
"""

import datetime
import hashlib
import json
import time
from types import SimpleNamespace

from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver, algorithms
from joserfc import jws

COVERED = ("@method", "@target-uri", "content-type", "otkel-id")
STREAM = "application/vnd.otkel.envelopes; parts=signed"


# The id of the key that signed the request. `url` is your own address with the path of the
# request; `keys` has the gateway's public keys (Ed25519PublicKey) by their ids. `body` is None for
# a stream, whose parts are signed one by one: see parts.py.
def verify(method, url, headers, body, keys):
    if body is None and headers["content-type"] != STREAM:
        raise ValueError("only a stream may have no digest")
    resolver = MappingKeyResolver(public_keys=keys, private_keys={})
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519, key_resolver=resolver
    )
    [result] = verifier.verify(
        SimpleNamespace(method=method, url=url, headers=headers),
        max_age=datetime.timedelta(minutes=5),
        expect_tag="otk1",
        expect_label="gw",
        require_components=COVERED if body is None else (*COVERED, "content-digest"),
        body=body,  # so that its digest is compared with `Content-Digest`
    )
    return result.parameters["keyid"]


# The value of `Otkel-Receipt`. `key` is your identity key (joserfc's OKPKey), `iss` is you, `aud`
# is the gateway, `did` is the request's `Otkel-Id`, `body` is all of the request's, `parts` the
# number of a stream's envelopes, `reply` the body of your answer, where that is sealed.
def receipt(key, iss, aud, did, body, status="accepted", opened=True, parts=None, reply=None):
    def told(data):
        return {"sha256": hashlib.sha256(data).hexdigest(), "len": len(data)}

    claims = {"v": 1, "iss": iss, "aud": aud, "iat": int(time.time()), "did": did}
    claims |= {"env": told(body), "status": status, "opened": opened}
    if parts is not None:
        claims["parts"] = parts
    if reply is not None:
        claims["reply"] = told(reply)
    header = {"alg": "Ed25519", "typ": "otkel-receipt+jws", "kid": key.thumbprint()}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["Ed25519"])
