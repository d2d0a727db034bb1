/**
 * What is going on, on one line of a terminal. In a pipe it says nothing.
 */
import { formatBitrate } from "../../src/core/units.ts";
import type { Pulse } from "../load/messages.ts";
import type { Watching } from "../measure/round.ts";
import { addFaults } from "../verify/tally.ts";

/** Milliseconds between two drawings, at least. */
const DRAW_MS = 200;

export interface Progress {
  /** Shows the progress of a round under the name `title`. */
  round(title: string): Watching;
  /** Says something that stays. */
  say(line: string): void;
  /** Takes the line away. */
  clear(): void;
}

export function newProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  let drawnAt = -Infinity;
  let bytesBefore = 0;
  let rate = 0;
  const draw = (text: string): void => {
    out.write(`\r\x1b[K${text.slice(0, (out.columns || 80) - 1)}`);
  };
  return {
    round: (title) => ({
      progress(phase, pulses) {
        const now = performance.now();
        if (!out.isTTY || now - drawnAt < DRAW_MS) {
          return;
        }
        const present = pulses.filter((pulse) => pulse !== undefined);
        const bytes = sum(present, (pulse) => pulse.bytes);
        if (bytes > bytesBefore) {
          rate = ((bytes - bytesBefore) * 8_000) / (now - drawnAt);
        }
        bytesBefore = bytes;
        drawnAt = now;
        const { torn } = addFaults(present.map(({ faults }) => faults));
        const pieces = [
          title,
          phase,
          `${sum(present, ({ connected }) => connected)} watching`,
          phase === "connecting" ? "" : formatBitrate(rate),
          torn > 0 ? `${torn} torn` : "",
        ];
        draw(`  ${pieces.filter((piece) => piece !== "").join("  ·  ")}`);
      },
    }),
    say(line) {
      if (out.isTTY) {
        draw(line);
        out.write("\n");
      }
    },
    clear() {
      if (out.isTTY) {
        draw("");
      }
    },
  };
}

function sum(pulses: readonly Pulse[], of: (pulse: Pulse) => number): number {
  return pulses.reduce((total, pulse) => total + of(pulse), 0);
}
