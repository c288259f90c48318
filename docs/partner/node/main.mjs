// node main.mjs KEY.pem ISS AUD METHOD PATH ID < envelope > body

import { readFileSync, writeFileSync } from "node:fs";
import { readKeys } from "./keys.mjs";
import { receive } from "./modes.mjs"; // or "./receive.mjs", for mode 1 and X25519 alone

try {
  const [, , key, ...request] = process.argv;
  writeFileSync(1, await receive(readFileSync(0), await readKeys(key), request));
} catch (why) {
  console.error(`refused: ${why.message}`);
  process.exitCode = 1;
}
