// node main.mjs KEY.pem AUD METHOD PATH ID < envelope > body

import { createHash, createPrivateKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { receive, suite } from "./receive.mjs";

// The keys by their ids, as `receive` takes them.
export async function readKeys(...files) {
  const keys = new Map();
  for (const file of files) {
    const jwk = createPrivateKey(readFileSync(file)).export({ format: "jwk" });
    const [secret, open] = [jwk.d, jwk.x].map((part) => Buffer.from(part, "base64url"));
    const kid = createHash("sha256").update(open).digest().toString("base64url", 0, 16);
    keys.set(kid, await suite.kem.importKey("raw", secret, false));
  }
  return keys;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const keys = await readKeys(process.argv[2]);
    writeFileSync(1, await receive(readFileSync(0), keys, process.argv.slice(3)));
  } catch (why) {
    console.error(`refused: ${why.message}`);
    process.exitCode = 1;
  }
}
