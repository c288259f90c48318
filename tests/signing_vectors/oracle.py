"""Reads and makes what the gateway and its partners sign, with code that is not the gateway's.

Requests are checked by PyPI `http-message-signatures`, receipts by `joserfc`; what a receiver has to
ask of either is written here from RFC 9421, RFC 7515 and the partner kit.

    oracle.py vectors INDEX        the names of all that is taken, as JSON by member of the index
    oracle.py receipt SEED         a receipt by that key, of the payload on standard input
"""

import datetime
import json
import sys
import types
from pathlib import Path
from unittest import mock

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
    signatures,
)
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHMS = ["Ed25519", "EdDSA"]
RECEIPT = "otkel-receipt+jws"


class Refused(Exception):
    pass


def must(holds, why):
    if not holds:
        raise Refused(why)


def key(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


# --- requests


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, known):
        self.known = known

    def resolve_public_key(self, key_id):
        return self.known.get(key_id)


class Verifier(HTTPMessageVerifier):
    max_clock_skew = datetime.timedelta(seconds=30)


def request(case, gateway):
    parts = case["content_digest"] is None
    headers = {
        "Content-Type": case["content_type"],
        "Otkel-Id": case["id"],
        "Signature-Input": case["signature_input"],
        "Signature": case["signature"],
    }
    components = ["@method", "@target-uri", "content-type", "otkel-id"]
    if not parts:
        headers["Content-Digest"] = case["content_digest"]
        components.append("content-digest")
    message = types.SimpleNamespace(method=case["method"], url=case["target_uri"], headers=headers)
    known = {gateway["kid"]: key(gateway["seed"]).public_key()}
    verifier = Verifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys(known))
    with mock.patch.object(signatures, "datetime", clock(case["now"])):
        verifier.verify(
            message,
            max_age=datetime.timedelta(seconds=300),
            expect_tag="otk1",
            expect_label="gw",
            require_components=components,
            body=None if parts else case["body"].encode(),
        )


def clock(seconds):
    """The module `datetime`, at a time of our own."""
    now = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    still = mock.Mock(wraps=datetime.datetime)
    still.now = lambda zone: now
    return types.SimpleNamespace(datetime=still, timezone=datetime.timezone)


# --- receipts


def once(pairs):
    must(len(dict(pairs)) == len(pairs), "a member twice")
    return dict(pairs)


def receipt(text, partner):
    public = OKPKey.import_key(key(partner["seed"]).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ))
    read = jws.deserialize_compact(text, public, algorithms=ALGORITHMS)
    header = read.headers()
    must(header.get("typ") == RECEIPT, "another type")
    must(header.get("kid") == partner["kid"], "another key")
    payload = json.loads(read.payload, object_pairs_hook=once)
    members = {"v", "iss", "aud", "iat", "did", "env", "status", "opened"}
    must(isinstance(payload, dict) and members <= set(payload), "no receipt")
    must(set(payload) <= members | {"parts", "reply"}, "another member")
    must(payload["status"] in {"accepted", "rejected", "deferred"}, "another status")
    return payload


def holds(case, partner):
    said, sent = receipt(case["text"], partner), case["sent"]
    must(said["v"] == 1, "another version")
    must(all(said[name] == sent[name] for name in ["iss", "aud", "did"]), "of something else")
    must(said["env"] == {"sha256": sent["sha256"], "len": sent["len"]}, "of other bytes")
    must(said.get("parts") == sent["parts"], "other parts")
    must(abs(said["iat"] - sent["now"]) <= 300, "another time")


# --- the command line


def taken(cases, check, by):
    names = []
    for case in cases:
        try:
            check(case, by)
        except (Refused, HTTPMessageSignaturesException, JoseError, ValueError):
            continue
        names.append(case["name"])
    return names


def vectors(index):
    index = json.loads(Path(index).read_text())
    gateway, partner = index["keys"]["gateway"], index["keys"]["partner"]
    print(json.dumps({
        "requests": taken(index["requests"], request, gateway),
        "jws": taken(index["jws"], lambda case, by: receipt(case["text"], by), partner),
        "receipts": taken(index["receipts"], holds, partner),
    }))


def make(seed):
    private = OKPKey.import_key(key(seed).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))
    payload = sys.stdin.read()
    for algorithm in ALGORITHMS:
        header = {"alg": algorithm, "typ": RECEIPT, "kid": private.thumbprint()}
        print(jws.serialize_compact(header, payload, private, algorithms=ALGORITHMS))


if __name__ == "__main__":
    {"vectors": vectors, "receipt": make}[sys.argv[1]](*sys.argv[2:])
