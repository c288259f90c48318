// As talk.py: node talk.mjs JOBS

import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { readKeys } from "./keys.mjs";
import { receiveParts } from "./parts.mjs";
import { seal } from "./reply.mjs";
import { receipt, verify } from "./signed.mjs";

const key = (text) => {
  const x = Buffer.from(text, "base64").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
};

const DO = {
  verify({ method, url, headers, body, keys }) {
    const known = new Map(Object.entries(keys).map(([kid, text]) => [kid, key(text)]));
    return verify(method, url, headers, body && readFileSync(body), known);
  },

  receipt({ key, iss, aud, did, body, status, parts, reply }) {
    const secret = createPrivateKey(readFileSync(key));
    const [sent, sealed] = [readFileSync(body), reply ? readFileSync(reply) : undefined];
    const more = { parts: parts ?? undefined, reply: sealed };
    const about = { iss, aud, did, body: sent, status, opened: true, ...more };
    return receipt(secret, createPublicKey(secret), about);
  },

  async reply({ envelope, status, media, body, to }) {
    const sealed = await seal(readFileSync(envelope), status, media, readFileSync(body));
    writeFileSync(`${to}.Node`, sealed);
    return sealed.length;
  },

  async parts({ body, key: file, request, by }) {
    const [whole, keys] = [readFileSync(body), await readKeys(file)];
    const told = [];
    for await (const part of receiveParts(whole, keys, request, by && key(by)))
      told.push(createHash("sha256").update(part).digest("hex"));
    return told.join(" ");
  },
};

for (const line of readFileSync(process.argv[2], "utf8").trimEnd().split("\n")) {
  const job = JSON.parse(line);
  try {
    console.log(await DO[job.do](job));
  } catch (why) {
    console.log(`refused: ${why.message}`);
  }
}
