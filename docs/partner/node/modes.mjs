// Opens an OTK1 envelope of modes 1, 2 and 3, of KEM 32 (X25519) and 0x647a (MLKEM768-X25519), of
// any size.

import { createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";
import { isDeepStrictEqual as same } from "node:util";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { XWing } from "@hpke/hybridkem-x-wing";
import { check, colons } from "./receive.mjs";

export const KEMS = { 32: new DhkemX25519HkdfSha256(), 0x647a: new XWing() };
const ENC = { 32: 32, 0x647a: 1120 };
const MODES = [, "OTK1 direct\0", "OTK1 wrap\0\0\0", "OTK1 kept\0\0\0"];
const CHUNKED = "c2sp.org/chunked-encryption@v1+AEAD_CHACHA20_POLY1305\0";

// The body. `keys` has the private keys by their id; `request` is [ISS, AUD, METHOD, PATH, ID].
export async function receive(envelope, keys, request) {
  const [mode, end] = [envelope[4], 8 + envelope[6] * 256 + envelope[7]];
  const magic = envelope.toString("latin1", 0, 4) === "OTK1" && envelope[5] === 0;
  const whole = magic && end <= Math.min(8200, envelope.length);
  check(whole && MODES[mode], "not a whole envelope of a known mode");
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const json = utf8.decode(envelope.subarray(8, end));
  const header = JSON.parse(json); // it takes a member twice, but keeps one
  check(colons(json) === colons(JSON.stringify(header)), "the header names a member twice");
  const asked = [header.iss, header.aud, header.m, header.p, header.did];
  check(same(asked, request), "for another request");
  const rcpt = header.rcpt;
  const suite = (to) => Object.hasOwn(ENC, to.kem) && to.kdf === 1 && to.aead === 3;
  check(header.v === 1 && rcpt.every(suite), "of another suite");
  const differ = new Set(rcpt.map((to) => to.kid)).size === rcpt.length;
  const number = rcpt.length >= 1 && rcpt.length <= (mode === 2 ? 16 : 1);
  check(differ && number, "a wrong list of recipients");
  const mine = rcpt.findIndex((to) => keys.has(to.kid));
  check(mine >= 0, "for another key");
  const prefix = createHash("sha256").update(envelope.subarray(0, end)).digest();
  const info = Buffer.concat([Buffer.from(MODES[mode]), prefix]);
  const before = rcpt.slice(0, mine).reduce((sum, to) => sum + ENC[to.kem] + 48, end);
  const { kem, kid } = rcpt[mine];
  const suites = { kem: KEMS[kem], kdf: new HkdfSha256(), aead: new Chacha20Poly1305() };
  const enc = envelope.subarray(before, before + ENC[kem]);
  const bound = mode === 3 ? Buffer.from(MODES[3]) : info;
  const hpke = { recipientKey: keys.get(kid), enc, info: bound };
  const context = await new CipherSuite(suites).createRecipientContext(hpke);
  let [rest, open] = [envelope.subarray(before + ENC[kem]), (chunk) => context.open(chunk)];
  if (mode === 2) {
    const wraps = rcpt.reduce((sum, to) => sum + ENC[to.kem] + 48, end);
    const ik = await context.open(rest.subarray(0, 48));
    rest = envelope.subarray(wraps);
    open = committed(ik, rest, info);
  } else if (mode === 3) {
    const ik = await context.export(Buffer.concat([info, rest.subarray(0, 24)]), 32);
    open = committed(ik, rest, info);
  }
  const body = await openAll(mode === 1 ? rest : rest.subarray(56), open);
  const mark = header.pad ? body.findLastIndex((byte) => byte !== 0) : body.length;
  check(!header.pad || body[mark] === 0x80, "wrong padding");
  return body.subarray(0, mark);
}

async function openAll(sealed, open) {
  check(sealed.length % 16400 >= 16, "cut off"); // the last chunk is never a full one
  const chunks = [];
  for (let at = 0; at < sealed.length; at += 16400)
    chunks.push(Buffer.from(await open(sealed.subarray(at, at + 16400), at / 16400)));
  return Buffer.concat(chunks);
}

// What opens chunk n (c2sp.org/chunked-encryption), once the commitment is seen to hold.
function committed(ik, rest, info) {
  const salted = Buffer.concat([Buffer.from(CHUNKED), rest.subarray(0, 24), info]);
  let [derived, block] = [Buffer.alloc(0), Buffer.alloc(0)]; // HKDF-Expand (RFC 5869)
  for (const n of [1, 2, 3]) {
    block = createHmac("sha256", Buffer.from(ik)).update(block).update(salted)
      .update(Buffer.from([n])).digest();
    derived = Buffer.concat([derived, block]);
  }
  check(timingSafeEqual(derived.subarray(44, 76), rest.subarray(24, 56)), "a wrong commitment");
  return (chunk, n) => {
    const nonce = Buffer.from(derived.subarray(32, 44));
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ n) >>> 0, 8);
    const options = { authTagLength: 16 };
    const aead = createDecipheriv("chacha20-poly1305", derived.subarray(0, 32), nonce, options);
    aead.setAuthTag(chunk.subarray(chunk.length - 16));
    const text = aead.update(chunk.subarray(0, chunk.length - 16));
    return Buffer.concat([text, aead.final()]);
  };
}
