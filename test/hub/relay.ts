/**
 * A directory with peers that have no sockets: the hub as a server sees it. Streams are short texts
 * here, so that a test shows what is sent and what arrives.
 */
import type { ChannelSettings } from "../../src/hub/model.ts";
import { newDirectory, type Directory } from "../../src/hub/directory.ts";
import type { Request } from "../../src/protocol/request.ts";
import { handClock, type HandClock } from "../support/clock.ts";
import { fakeSink, fakeSource, request, type FakePeer, type FakeSource } from "./fakes.ts";
import { noFault, SETTINGS } from "./stage.ts";

/** A broadcaster. One that was refused has "refused" and the code in `told`, and sends nothing. */
export interface Station extends FakeSource {
  /** Whether it was told that there is no room, and not yet that there is some again. */
  readonly full: () => boolean;
  /** Sends a text, or so many bytes, as one chunk; says whether there is room for more. */
  send(what: string | number): boolean;
  /** The same with bytes. */
  sendBytes(bytes: Uint8Array): boolean;
  end(): void;
}

/** What a refused broadcaster sends goes nowhere. */
const deaf = (): boolean => true;

/** A watcher. One that was refused has "refused" and the code in `told`. */
export interface Visitor extends FakePeer {
  text(): string;
  sent(): number;
  leave(): void;
}

export interface Relay {
  readonly clock: HandClock;
  readonly directory: Directory;
  broadcast(changes?: Partial<Request>): Station;
  watch(changes?: Partial<Request>, appetite?: number): Visitor;
}

export function newRelay(changes: Partial<ChannelSettings> = {}): Relay {
  const clock = handClock();
  const directory = newDirectory(
    clock,
    { ...SETTINGS, coalesce: 0, ...changes },
    { noticed: noFault },
  );
  const sink = fakeSink();
  return {
    clock,
    directory,
    broadcast(wish) {
      const source = fakeSource();
      const result = directory.broadcast(request("broadcast", wish), source);
      if ("refused" in result) {
        source.told.push("refused", result.refused.code);
        return Object.assign(source, {
          full: () => false,
          send: deaf,
          sendBytes: deaf,
          end: () => {},
        });
      }
      const { feed } = result;
      let stops = 0;
      const sendBytes = (chunk: Uint8Array): boolean => {
        const room = feed.receive(chunk);
        stops += room ? 0 : 1;
        return room;
      };
      const send = (what: string | number): boolean =>
        sendBytes(typeof what === "string" ? Buffer.from(what) : new Uint8Array(what));
      return Object.assign(source, {
        full: () => stops > source.readied,
        send,
        sendBytes,
        end: () => feed.end(),
      });
    },
    watch(wish, appetite) {
      const peer = sink.open(appetite);
      const text = (): string => new TextDecoder().decode(peer.received());
      const result = directory.watch(request("watch", wish), peer);
      if ("refused" in result) {
        peer.told.push("refused", result.refused.code);
        return Object.assign(peer, { text, sent: () => 0, leave: () => {} });
      }
      const { seat } = result;
      peer.onDrain = () => seat.drained();
      return Object.assign(peer, { text, sent: () => seat.sent(), leave: () => seat.leave() });
    },
  };
}

/**
 * Says whether everything that was begun has been forgotten. Housekeeping goes on as long as the
 * directory knows a channel, so one that it keeps for nothing shows once housekeeping is made to
 * run.
 */
export function hasForgottenAll(relay: Relay): boolean {
  const other = relay.broadcast({ channel: "made only to have housekeeping run" });
  other.end();
  relay.clock.advance(60_000);
  return relay.clock.pending() === 0;
}
