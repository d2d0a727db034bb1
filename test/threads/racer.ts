/**
 * A thread that writes a ring as fast as it can and waits for nobody, until it is told to stop.
 */
import { append, newRing } from "../../src/hub/ring.ts";
import { newOutlet } from "../../src/hub/shared.ts";
import { patternAt } from "./pattern.ts";

declare const self: Worker;

export interface Race {
  readonly capacity: number;
  /** Not 0 when it is time to stop. */
  readonly stop: SharedArrayBuffer;
}

/** Appends between two looks at whether to stop. */
const ROUND = 1_000;

self.addEventListener("message", ({ data }: MessageEvent<Race>) => {
  const stop = new Int32Array(data.stop);
  const ring = newRing(data.capacity);
  const outlet = newOutlet({
    id: 1,
    copyId: 2,
    threads: 2,
    self: 0,
    wake: () => {},
    tell: (_, news) => self.postMessage({ news, stream: outlet.stream }),
  });
  outlet.renew(ring);
  let length = 1;
  while (Atomics.load(stop, 0) === 0) {
    for (let round = 0; round < ROUND; round++) {
      length = (length * 7 + 13) % (data.capacity / 4) || 1;
      outlet.announce(ring.head + length - ring.capacity);
      append(ring, patternAt(ring.head, length));
      outlet.publish(ring.head, true);
    }
  }
  self.postMessage("done");
});
