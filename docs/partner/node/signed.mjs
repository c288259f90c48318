// Checks that a request is the gateway's, and makes the receipt for it.
//
// Needs npm `http-message-signatures` and `jose`.

import { createHash, verify as isSigned } from "node:crypto";
import { httpbis } from "http-message-signatures";
import { CompactSign, calculateJwkThumbprint, exportJWK } from "jose";

const COVERED = ["@method", "@target-uri", "content-type", "otkel-id"];
const STREAM = "application/vnd.otkel.envelopes; parts=signed";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();

// The id of the key that signed the request. `url` is your own address with the path of the
// request; `keys` has the gateway's public keys (KeyObject) by their ids. `body` is null for a
// stream, whose parts are signed one by one: see parts.mjs.
export async function verify(method, url, headers, body, keys) {
  const requiredFields = [...COVERED];
  if (body !== null) {
    requiredFields.push("content-digest");
    const digest = `sha-256=:${sha256(body).toString("base64")}:`;
    if (headers["content-digest"] !== digest) throw new Error("not the digest of the body");
  } else if (headers["content-type"] !== STREAM) {
    throw new Error("only a stream may have no digest");
  }
  let signer;
  const keyLookup = async ({ keyid, tag, alg }) => {
    const key = tag === "otk1" && alg === "ed25519" && !signer ? keys.get(keyid) : undefined;
    if (!key) throw new Error("not signed as it must be, or by a key that is not known");
    signer = keyid;
    const verify = async (data, signature) => isSigned(null, data, key, signature);
    return { id: keyid, algs: ["ed25519"], verify };
  };
  const rules = { keyLookup, requiredFields, requiredParams: ["created", "expires"] };
  const limits = { maxAge: 300, tolerance: 5 };
  const message = { method, url, headers };
  if ((await httpbis.verifyMessage({ ...rules, ...limits }, message)) !== true)
    throw new Error("the signature is wrong");
  return signer;
}

// The value of `Otkel-Receipt`. `key` is your identity key (KeyObject) and `identity` its public
// half; `iss` is you, `aud` is the gateway, `did` is the request's `Otkel-Id`, `body` is all of the
// request's, `parts` the number of a stream's envelopes, `reply` the body of your answer, where
// that is sealed.
export async function receipt(key, identity, about) {
  const { iss, aud, did, body, status, opened, parts, reply } = about;
  const told = (bytes) => ({ sha256: sha256(bytes).toString("hex"), len: bytes.length });
  const iat = Math.floor(Date.now() / 1000);
  const claims = { v: 1, iss, aud, iat, did, env: told(body), status, opened };
  if (parts !== undefined) claims.parts = parts;
  if (reply !== undefined) claims.reply = told(reply);
  const kid = await calculateJwkThumbprint(await exportJWK(identity));
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: "Ed25519", typ: "otkel-receipt+jws", kid })
    .sign(key);
}
