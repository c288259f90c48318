// Private keys as `otkel keygen partner` writes them, by their ids.

import { createHash, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { KEMS } from "./modes.mjs";

export async function readKeys(...files) {
  const keys = new Map();
  for (const file of files) {
    const pem = readFileSync(file, "utf8");
    const [key, raw] = await (pem.includes("MLKEM768-X25519") ? hybrid(pem) : x25519(pem));
    const digest = createHash("sha256").update(raw).digest();
    keys.set(digest.toString("base64url", 0, 16), key);
  }
  return keys;
}

async function x25519(pem) {
  const { d, x } = createPrivateKey(pem).export({ format: "jwk" });
  const key = await KEMS[32].importKey("raw", Buffer.from(d, "base64url"), false);
  return [key, Buffer.from(x, "base64url")];
}

// KEM 0x647a: the file holds the seed that both keys come from.
async function hybrid(pem) {
  const seed = Buffer.from(pem.trim().split("\n").slice(1, -1).join(""), "base64");
  const pair = await KEMS[0x647a].generateKeyPairDerand(new Uint8Array(seed));
  return [pair.privateKey, Buffer.from(await KEMS[0x647a].serializePublicKey(pair.publicKey))];
}
