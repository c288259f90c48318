// Opens an OTK1 envelope of mode 1 (direct) and KEM 32 (X25519), of any size.

import { createHash } from "node:crypto";
import { isDeepStrictEqual as same } from "node:util";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Chacha20Poly1305() });
export const colons = (json) => json.replace(/"(\\.|[^"\\])*"/g, "").split(":").length;
export const check = (good, why) => {
  if (!good) throw new Error(why);
};

// The body. `keys` has the private keys by their id; `request` is [ISS, AUD, METHOD, PATH, ID].
export async function receive(envelope, keys, request) {
  const [magic, end] = [envelope.toString("latin1", 0, 6), 8 + envelope[6] * 256 + envelope[7]];
  check(magic === "OTK1\x01\0" && end <= Math.min(8200, envelope.length), "not of mode 1");
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const json = utf8.decode(envelope.subarray(8, end));
  const header = JSON.parse(json); // it takes a member twice, but keeps one
  check(colons(json) === colons(JSON.stringify(header)), "the header names a member twice");
  const asked = [header.iss, header.aud, header.m, header.p, header.did];
  check(same(asked, request), "for another request");
  const kid = header.rcpt[0].kid;
  const known = same([header.v, header.rcpt], [1, [{ kid, kem: 32, kdf: 1, aead: 3 }]]);
  check(known && keys.has(kid), "for another key or suite");
  const prefix = createHash("sha256").update(envelope.subarray(0, end)).digest();
  const info = Buffer.concat([Buffer.from("OTK1 direct\0"), prefix]);
  const [enc, sealed] = [envelope.subarray(end, end + 32), envelope.subarray(end + 32)];
  check(sealed.length % 16400 >= 16, "cut off"); // the last chunk is never a full one
  const context = await suite.createRecipientContext({ recipientKey: keys.get(kid), enc, info });
  const chunks = [];
  for (let at = 0; at < sealed.length; at += 16400)
    chunks.push(Buffer.from(await context.open(sealed.subarray(at, at + 16400))));
  const body = Buffer.concat(chunks);
  const mark = header.pad ? body.findLastIndex((byte) => byte !== 0) : body.length;
  check(!header.pad || body[mark] === 0x80, "wrong padding");
  return body.subarray(0, mark);
}
