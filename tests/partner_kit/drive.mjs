// As drive.py: node drive.mjs MODULE CASES KEY.pem…

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readKeys } from "./keys.mjs";

const [, , module, cases, ...files] = process.argv;
const { receive } = await import(`./${module}.mjs`);
const keys = await readKeys(...files);
for (const line of readFileSync(cases, "utf8").trimEnd().split("\n")) {
  const [file, ...request] = line.split("\t");
  try {
    const body = await receive(readFileSync(file), keys, request);
    console.log(createHash("sha256").update(body).digest("hex"));
  } catch (why) {
    console.log(`refused: ${why.message}`);
  }
}
