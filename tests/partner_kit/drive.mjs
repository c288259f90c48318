// As drive.py: node drive.mjs MODULE CASES

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readKeys } from "./keys.mjs";

const [, , module, cases] = process.argv;
const { receive } = await import(`./${module}.mjs`);
const keys = new Map();
for (const line of readFileSync(cases, "utf8").trimEnd().split("\n")) {
  const [file, key, ...request] = line.split("\t");
  try {
    if (!keys.has(key)) keys.set(key, await readKeys(key));
    const body = await receive(readFileSync(file), keys.get(key), request);
    console.log(createHash("sha256").update(body).digest("hex"));
  } catch (why) {
    console.log(`refused: ${why.message}`);
  }
}
