/**
 * A watcher of our own, such as a recording: it sees one broadcast whole or learns where it does not,
 * and is in nobody's way. See `tap` in model.ts.
 */
import type { Known } from "../media/scan.ts";
import { drained } from "./broadcast.ts";
import { admit, advance } from "./course.ts";
import type { Broadcast, Channel, Watcher } from "./model.ts";
import { cursorAt } from "./roster.ts";
import type { Peer, Sink } from "./sink.ts";
import { dismiss, newWatcher, seat } from "./watcher.ts";

export interface Tap {
  /** The absolute offset of the next byte of the stream; -1 while it has no place. */
  cursor(): number;
  /** How much of its set-up is still to come before that byte. */
  prefaceLeft(): number;
  format(): Known;
  /** The sink can take bytes again. */
  drained(): void;
  /** It wants no more, and is told no more. */
  leave(): void;
}

/**
 * Lets a tap in: at the next byte by "raw", at the next join point by "live". The peer may be called
 * before this returns.
 */
export function tapInto(
  channel: Channel,
  broadcast: Broadcast,
  join: "raw" | "live",
  peerOf: PeerOf,
): Tap {
  const { tap, watcher } = newTap(channel, broadcast, join, peerOf);
  admit(broadcast, watcher);
  return tap;
}

/** Lets a tap in at the byte of the absolute `offset`, which the ring holds or is about to get. */
export function tapAt(channel: Channel, broadcast: Broadcast, offset: number, peerOf: PeerOf): Tap {
  const { tap, watcher } = newTap(channel, broadcast, "raw", peerOf);
  seat(broadcast, watcher, offset);
  advance(broadcast, watcher.slot, broadcast.clock.now());
  return tap;
}

type PeerOf = (tap: Tap) => Peer;

function newTap(
  channel: Channel,
  broadcast: Broadcast,
  join: "raw" | "live",
  peerOf: PeerOf,
): { tap: Tap; watcher: Watcher } {
  const tap: Tap = {
    cursor() {
      const { broadcast: present, slot } = watcher;
      return present === null || slot === -1 ? -1 : cursorAt(present.roster, slot);
    },
    prefaceLeft: () => watcher.preface.length - watcher.prefaced,
    format: () => broadcast.scan.format,
    drained() {
      if (watcher.broadcast !== null) {
        drained(watcher.broadcast, watcher);
      }
    },
    leave() {
      if (watcher.broadcast !== null) {
        dismiss(watcher.broadcast, watcher);
      }
    },
  };
  const open = { channelPassword: undefined };
  const peer = peerOf(tap);
  const sink = uncounted(peer.sink, broadcast);
  const watcher = newWatcher(channel, open, { ...peer, sink }, join, true);
  return { tap, watcher };
}

/** What a tap takes is sent to nobody: it is taken out of the counts that the fan-out adds it to. */
function uncounted(sink: Sink, { counters, tally }: Broadcast): Sink {
  return {
    write(handle, buffer, offset, length) {
      const taken = sink.write(handle, buffer, offset, length);
      const bytes = Math.max(taken, 0);
      counters.bytesOut -= bytes;
      tally.bytesOut -= bytes;
      return taken;
    },
  };
}
