/**
 * One channel on air, with its insides in view: for what the hub promises about a single broadcast.
 */
import { expect } from "bun:test";
import { HOUSEKEEPING_MS } from "../../src/core/limits.ts";
import { drained, inspect } from "../../src/hub/broadcast.ts";
import { receive } from "../../src/hub/intake.ts";
import {
  goLive,
  goSilent,
  joinChannel,
  leaveChannel,
  newChannel,
  type Surroundings,
} from "../../src/hub/channel.ts";
import { newCounters } from "../../src/hub/counters.ts";
import { fitMarks } from "../../src/hub/marks.ts";
import type { Broadcast, Channel, ChannelSettings, Notice, Watcher } from "../../src/hub/model.ts";
import { newRing } from "../../src/hub/ring.ts";
import { cursorAt, lowestCursor } from "../../src/hub/roster.ts";
import type { Request } from "../../src/protocol/request.ts";
import { handClock, type HandClock } from "../support/clock.ts";
import {
  fakeSink,
  fakeSource,
  request,
  streamBytes,
  type FakePeer,
  type FakeSource,
} from "./fakes.ts";

/** The settings that a server has by default. */
export const SETTINGS: ChannelSettings = {
  coalesce: 5,
  window: 16 * 1024 * 1024,
  join: "keyframe",
  lag: 4_000,
  slow: "close",
  stall: 15_000,
  takeover: "replace",
  linger: 10_000,
  silence: 30_000,
  "max-watchers": 0,
  "max-channels-per-user": 0,
};

/** A peer that was let in at the absolute offset `from`. */
export interface Guest extends FakePeer {
  readonly watcher: Watcher;
  readonly from: number;
  leave(): void;
}

export interface Stage {
  readonly clock: HandClock;
  readonly around: Surroundings;
  readonly channel: Channel;
  readonly broadcast: Broadcast;
  readonly source: FakeSource;
  /** Bytes that were sent so far. */
  readonly sent: number;
  /** Sends the next `size` bytes of the stream as one chunk; says if there is room for more. */
  send(size: number): boolean;
  /** Sends `bytes` as one chunk; says if there is room for more. */
  cast(bytes: Uint8Array): boolean;
  /** What was notified of the stream. */
  readonly notices: readonly Notice[];
  /** Lets a new peer in at the next byte, which takes `appetite` bytes at first. */
  join(appetite?: number): Guest;
  /** Lets a new peer in as it wishes. */
  watch(wish?: Partial<Request>, appetite?: number): Guest;
  /** The broadcaster goes. */
  end(): void;
  /** Lets time pass, and keeps house as the directory does. */
  pass(ms: number): void;
  /** When the byte at the absolute `offset` got into the ring; now, where it is yet to do so. */
  arrivedAt(offset: number): number;
}

export interface StageOptions extends Partial<ChannelSettings> {
  /** The ring's first capacity, where that of a server is too large for what a test looks for. */
  readonly ring?: number;
}

export function newStage({ ring, ...changes }: StageOptions = {}): Stage {
  const clock = handClock();
  const notices: Notice[] = [];
  const around = surroundings(clock, { ...SETTINGS, ...changes }, notices);
  const channel = newChannel("bob", "");
  const source = fakeSource();
  const sink = fakeSink();
  const broadcast = goLive(around, channel, request("broadcast"), source);
  if ("code" in broadcast) {
    throw new Error(broadcast.message);
  }
  if (ring !== undefined) {
    broadcast.ring = newRing(ring);
    fitMarks(broadcast.marks, ring);
  }
  let sent = 0;
  let sinceInspection = 0;
  /** Where the head was after everything that may have moved it. */
  const heads: { readonly head: number; readonly at: number }[] = [];
  const noteHead = (): void => {
    if (broadcast.ring.head !== (heads.at(-1)?.head ?? 0)) {
      heads.push({ head: broadcast.ring.head, at: clock.now() });
    }
  };
  const cast = (bytes: Uint8Array): boolean => {
    const room = receive(channel.live ?? broadcast, bytes);
    noteHead();
    return room;
  };
  const watch = (wish: Partial<Request> = {}, appetite?: number): Guest => {
    const peer = sink.open(appetite);
    const from = broadcast.ring.head;
    const watcher = joinChannel(around, channel, request("watch", wish), peer);
    if ("code" in watcher) {
      throw new Error(watcher.message);
    }
    peer.onDrain = () => {
      if (watcher.broadcast !== null) {
        drained(watcher.broadcast, watcher);
      }
      noteHead();
    };
    return Object.assign(peer, { watcher, from, leave: () => leaveChannel(watcher) });
  };
  return {
    clock,
    around,
    channel,
    broadcast,
    source,
    get sent() {
      return sent;
    },
    notices,
    send(size) {
      sent += size;
      return cast(streamBytes(sent - size, sent));
    },
    cast,
    join: (appetite) => watch({ join: "raw" }, appetite),
    watch,
    end: () => goSilent(around, channel, source),
    pass(ms) {
      for (let left = ms; left > 0;) {
        const step = Math.min(1, left);
        clock.advance(step);
        left -= step;
        noteHead();
        sinceInspection += step;
        if (sinceInspection >= HOUSEKEEPING_MS) {
          sinceInspection = 0;
          inspect(broadcast);
        }
      }
    },
    arrivedAt: (offset) => heads.find(({ head }) => head > offset)?.at ?? clock.now(),
  };
}

/** What a sink throws fails the test, as it would without a hub around it, unless that was planted. */
export function noFault(_: Channel, notice: Notice): void {
  if (notice.kind === "fault" && !String(notice.error).includes("planted")) {
    throw notice.error;
  }
}

function surroundings(
  clock: HandClock,
  settings: ChannelSettings,
  notices: Notice[],
): Surroundings {
  const counters = newCounters();
  return {
    clock,
    settings,
    counters,
    began: () => {},
    ended: () => {},
    silenced: () => {},
    noticed(channel, notice) {
      notices.push(notice);
      noFault(channel, notice);
    },
  };
}

/** What must hold whenever the hub is not at work; see model.ts, ring.ts and roster.ts. */
export function expectInvariants({ broadcast }: Stage): void {
  const { ring, roster } = broadcast;
  expect(ring.head - ring.tail).toBeLessThanOrEqual(ring.capacity);
  expect(broadcast.floor).toBeLessThanOrEqual(lowestCursor(roster, ring.head));
  for (let slot = 0; slot < roster.count; slot++) {
    expect(roster.watchers[slot]?.slot).toBe(slot);
    expect(cursorAt(roster, slot)).toBeGreaterThanOrEqual(ring.tail);
    if (roster.blocked[slot] === 0 && broadcast.pending === null) {
      expect(cursorAt(roster, slot)).toBeGreaterThanOrEqual(ring.head);
    }
  }
}

/** The peer took what was sent since it joined, up to where it is, and nothing else. */
export function expectExact(guest: Guest): void {
  const received = guest.received();
  expectSame(received, streamBytes(guest.from, guest.from + received.length));
}

/** The peer has everything that was sent since it joined. */
export function expectAll(stage: Stage, guest: Guest): void {
  expectSame(guest.received(), streamBytes(guest.from, stage.sent));
}

/** Compares without printing megabytes where that fails. */
export function expectSame(received: Uint8Array, expected: Uint8Array): void {
  expect(received.length).toBe(expected.length);
  expect(Buffer.compare(received, expected)).toBe(0);
}
