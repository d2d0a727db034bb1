/**
 * The status line: its words in every state, its place on the terminal, and its absence elsewhere.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { newProgress, type Progress } from "../../src/client/progress.ts";
import { rateMeter, statusLine, statusText, summary } from "../../src/client/status.ts";
import { STANDSTILL_MS, STATUS_MS } from "../../src/core/limits.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A live stream that began at 1 s and last moved at 61 s. */
function live(changes: Partial<Progress> = {}): Progress {
  const times = { startedAt: 1000, movedAt: 61_000 };
  return { ...newProgress(), state: "live", bytes: 1_500_000, ...times, ...changes };
}

/** A terminal that keeps what is written to it. */
function terminal(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  const write = (text: string | Uint8Array): boolean => {
    written.push(String(text));
    return true;
  };
  return { written, isTTY, columns, write };
}

describe("the text", () => {
  test("says that it is connecting, whatever came before", () => {
    for (const verb of ["broadcast", "watch"] as const) {
      expect(statusText(newProgress(), verb, 0, 0)).toBe("connecting…");
      expect(statusText(live({ state: "connecting" }), verb, 1e6, 61_000)).toBe("connecting…");
    }
  });

  test("says what a connection without a byte is waiting for", () => {
    for (const state of ["waiting", "live"] as const) {
      const progress = { ...newProgress(), state };
      expect(statusText(progress, "watch", 0, 0)).toBe("waiting for the broadcast…");
      expect(statusText(progress, "broadcast", 0, 0)).toBe("connected, waiting for input…");
    }
  });

  test("of a broadcast has its time, its bytes and its rate", () => {
    expect(statusText(live(), "broadcast", 2e6, 61_000)).toBe("1:00  1.50 MB  2.00 Mbit/s  live");
  });

  test("of a watcher also has the format, known or not", () => {
    expect(statusText(live({ format: "h264" }), "watch", 2e6, 61_000)).toBe(
      "1:00  1.50 MB  2.00 Mbit/s  H.264  live",
    );
    expect(statusText(live(), "watch", 0, 61_000)).toContain("  unknown format  ");
  });

  test("says for how long nothing has come, from two seconds on", () => {
    const progress = live();
    const at = (ms: number): string => statusText(progress, "broadcast", 0, 61_000 + ms);
    expect(at(STANDSTILL_MS - 1)).toEndWith("  live");
    expect(at(STANDSTILL_MS)).toEndWith("  nothing for 0:02");
    expect(at(65_000)).toEndWith("  nothing for 1:05");
  });
});

describe("the line", () => {
  const line = "\r\x1b[K";

  test("is nowhere where there is no terminal, and takes no timer", () => {
    const file = terminal(false);
    for (const out of [file, null]) {
      const status = statusLine(live(), "watch", out);
      expect(jest.getTimerCount()).toBe(0);
      jest.advanceTimersByTime(10 * STATUS_MS);
      status.clear();
      status.stop();
    }
    expect(file.written).toEqual([]);
  });

  test("is drawn over itself twice a second, as its progress stands then", () => {
    const out = terminal(true);
    const progress = newProgress();
    const status = statusLine(progress, "broadcast", out);
    expect(out.written).toEqual([]);
    jest.advanceTimersByTime(STATUS_MS);
    progress.state = "live";
    jest.advanceTimersByTime(STATUS_MS);
    Object.assign(progress, { bytes: 125_000, startedAt: 1000, movedAt: performance.now() });
    jest.advanceTimersByTime(STATUS_MS);
    status.stop();
    expect(out.written).toEqual([
      `${line}connecting…`,
      `${line}connected, waiting for input…`,
      `${line}0:00  125 kB  1.00 Mbit/s  live`,
      line,
    ]);
  });

  test("leaves the terminal's last column free, and is never cut to nothing", () => {
    for (const [columns, length] of [
      [30, 29],
      [21, 20],
      [5, 20],
      [0, 20],
    ] as const) {
      const out = terminal(true, columns);
      const status = statusLine(live({ format: "h264" }), "watch", out);
      jest.advanceTimersByTime(STATUS_MS);
      status.stop();
      expect(out.written[0]?.length).toBe(line.length + length);
    }
  });

  test("is taken away for a while and comes back", () => {
    const out = terminal(true);
    const status = statusLine(newProgress(), "watch", out);
    status.clear();
    expect(out.written).toEqual([line]);
    jest.advanceTimersByTime(STATUS_MS);
    expect(out.written).toEqual([line, `${line}connecting…`]);
    status.stop();
  });

  test("is gone for good once it is stopped", () => {
    const out = terminal(true);
    const status = statusLine(newProgress(), "watch", out);
    jest.advanceTimersByTime(STATUS_MS);
    status.stop();
    jest.advanceTimersByTime(10 * STATUS_MS);
    expect(out.written).toEqual([`${line}connecting…`, line]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("the summary", () => {
  test("says how much went or came in what time", () => {
    expect(summary(live(), "broadcast")).toBe("sent 1.50 MB in 1:00");
    expect(summary(live(), "watch")).toBe("received 1.50 MB in 1:00");
  });

  test("has a line for nothing, too", () => {
    expect(summary(newProgress(), "watch")).toBe("received 0 B in 0:00");
  });
});

describe("the rate", () => {
  test("is nothing until two moments can be compared", () => {
    const rate = rateMeter();
    expect(rate(1000, 0)).toBe(0);
    expect(rate(5000, 0)).toBe(0);
    expect(rate(5000, -5)).toBe(0);
  });

  test("is that of a steady stream from the second moment on", () => {
    const rate = rateMeter();
    rate(0, 100);
    for (let i = 1; i < 20; i++) {
      expect(rate(i * 125_000, 100 + i * 500)).toBe(2e6);
    }
  });

  test("follows the last six moments: a burst is forgotten, and a stop is seen", () => {
    const rate = rateMeter();
    rate(0, 0);
    const rates = [1, 2, 3, 4, 5, 6].map((i) => rate(1_000_000, i * 500));
    expect(rates.map(Math.round)).toEqual([16e6, 8e6, 5_333_333, 4e6, 3_200_000, 0]);
  });

  test("is its own for every meter", () => {
    const [one, other] = [rateMeter(), rateMeter()];
    one(0, 0);
    other(0, 0);
    expect(one(1000, 1000)).toBe(8000);
    expect(other(2000, 1000)).toBe(16_000);
  });
});
