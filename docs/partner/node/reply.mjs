// Seals an answer to the key in the request's header, where it has one: of either KEM.

import { createHash } from "node:crypto";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { KEMS } from "./modes.mjs";

// The answer's envelope, of media type application/vnd.otkel, with status 200. `envelope` is the
// request's, which has opened; `status` and `media` are those of the real answer.
export async function seal(envelope, status, media, body) {
  const json = envelope.subarray(8, 8 + envelope.readUInt16BE(6)).toString();
  const { re, pad, stream, ...header } = JSON.parse(json);
  const kem = KEMS[re.kem];
  const text = Buffer.from(JSON.stringify({
    ...header, iss: header.aud, aud: header.iss, cty: media, st: status,
    iat: Math.floor(Date.now() / 1000), rcpt: [{ kid: re.kid, kem: re.kem, kdf: 1, aead: 3 }] }));
  const prefix = Buffer.concat([Buffer.from("OTK1\x01\0"), Buffer.alloc(2), text]);
  prefix.writeUInt16BE(text.length, 6);
  const digest = createHash("sha256").update(prefix).digest();
  const info = Buffer.concat([Buffer.from("OTK1 direct\0"), digest]);
  const raw = new Uint8Array(Buffer.from(re.pk, "base64url"));
  const recipientPublicKey = await kem.deserializePublicKey(raw);
  const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Chacha20Poly1305() });
  const context = await suite.createSenderContext({ recipientPublicKey, info });
  const parts = [prefix, Buffer.from(context.enc)];
  // One chunk more than there are full ones: the last is short, and may be empty.
  for (let at = 0; at <= body.length; at += 16384)
    parts.push(Buffer.from(await context.seal(body.subarray(at, at + 16384))));
  return Buffer.concat(parts);
}
