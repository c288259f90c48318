// Opens a record stream: `application/vnd.otkel.envelopes`, part by part, to its last.

import { createHash, verify } from "node:crypto";
import { isDeepStrictEqual as same } from "node:util";
import { receive } from "./modes.mjs";
import { check } from "./receive.mjs";

// The bodies of the parts, each once it has opened. `request` is [ISS, AUD, METHOD, PATH, ID],
// `by` the key that signed the request (KeyObject), or undefined where its media type does not say
// `parts=signed`. What was given out stands for nothing until the last part has come.
export async function* receiveParts(body, keys, [iss, aud, method, path, stream], by) {
  let [number, last] = [0, false];
  while (body.length > 0) {
    check(!last, "something comes after the last part");
    const length = body.readUInt32BE(0);
    const envelope = body.subarray(4, 4 + length);
    check(envelope.length === length && length > 8, "cut off");
    body = body.subarray(4 + length);
    if (by) {
      const digest = createHash("sha256").update(envelope).digest();
      const part = Buffer.concat([Buffer.from("OTK1 part\0\0\0"), digest]);
      check(verify(null, part, by, body.subarray(0, 64)), "a part is not signed as it must be");
      body = body.subarray(64);
    }
    const json = envelope.subarray(8, 8 + envelope.readUInt16BE(6)).toString();
    const { did, stream: part } = JSON.parse(json); // `receive` sees that nothing stands twice
    check(same([part?.id, part?.n], [stream, number]), "not the next part of this stream");
    yield await receive(envelope, keys, [iss, aud, method, path, did]);
    [number, last] = [number + 1, part.last === true];
  }
  check(last, "the last part has not come");
}
