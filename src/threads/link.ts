/**
 * A worker's side: its hub learns of broadcasts elsewhere, and tells of its own.
 *
 *     hub ──began, silenced, ended──► Link ──messages──► main
 *      ▲                               │
 *      └── mirrors ◄── messages, wakes ┘
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Refusal } from "../core/errors.ts";
import type { Directory, Ears } from "../hub/directory.ts";
import type { Mirror } from "../hub/follow.ts";
import { takeInHeld } from "../hub/intake.ts";
import type { Broadcast, Channel } from "../hub/model.ts";
import { newOutlet, type Wake } from "../hub/shared.ts";
import type { Request } from "../protocol/request.ts";
import type { Claim, Live, ToMain, ToWorker } from "./messages.ts";

export interface LinkOptions {
  readonly self: number;
  readonly threads: number;
  readonly wake: Wake;
  readonly tell: (message: ToMain) => void;
}

export interface Link {
  readonly ears: Pick<Ears, "began" | "ended" | "silenced">;
  /** Asks the main thread, which asks the authenticator and then decides who has the channel. */
  readonly authenticator: Authenticator;
  /** A connection has ended. */
  gone(connection: number): void;
  /** A message of the main thread about broadcasts, or an answer; false where it is about something else. */
  take(directory: Directory, message: ToWorker): boolean;
  /** This thread was woken for a broadcast. */
  look(id: number): void;
}

interface Own {
  readonly channel: Channel;
  readonly broadcast: Broadcast;
}

export function newLink(options: LinkOptions): Link {
  const { self, tell, threads, wake } = options;
  const asking = new Map<number, (refused: Refusal | null) => void>();
  const asked = new Set<number>();
  const claims = new Map<string, Claim>();
  const own = new Map<number, Own>();
  const mirrors = new Map<number, Mirror>();
  /** A broadcast's copy, by its number: that of the broadcast. */
  const copies = new Map<number, number>();

  const began = (channel: Channel, broadcast: Broadcast): void => {
    const claim = claims.get(keyOf(channel.user, channel.name));
    if (broadcast.inlet !== null || claim === undefined) {
      return;
    }
    const { copyId, id } = claim;
    const outlet = newOutlet({
      id,
      copyId,
      threads,
      self,
      wake,
      tell: (about, news) => tell({ kind: "news", id: about, news }),
    });
    broadcast.outlet = outlet;
    own.set(id, { channel, broadcast });
    copies.set(copyId, id);
    const live: Live = { id, request: requestOf(channel), stream: outlet.stream };
    tell({ kind: "live", live });
  };

  const ended = (channel: Channel, broadcast: Broadcast): void => {
    const { outlet } = broadcast;
    if (outlet === null) {
      return;
    }
    own.delete(outlet.stream.id);
    copies.delete(outlet.stream.id + 1);
    // Where another one has come, that one's beginning says it.
    if (channel.live === null) {
      tell({ kind: "over", id: outlet.stream.id });
    }
  };

  const answer = ({ claim, connection, refused }: Extract<ToWorker, { kind: "answer" }>): void => {
    const resolve = asking.get(connection);
    if (resolve !== undefined) {
      asking.delete(connection);
      if (claim !== null) {
        claims.set(claim.key, claim);
      }
      resolve(refused);
    }
  };

  return {
    ears: {
      began,
      ended,
      silenced(_, { outlet }) {
        if (outlet !== null) {
          tell({ kind: "silence", id: outlet.stream.id });
        }
      },
    },
    authenticator: {
      async authenticate(request) {
        const { connection } = request;
        asked.add(connection);
        return new Promise<Refusal | null>((resolve) => {
          asking.set(connection, resolve);
          tell({ kind: "ask", asked: request });
        });
      },
    },
    gone(connection) {
      if (asked.delete(connection)) {
        asking.delete(connection);
        tell({ kind: "gone", connection });
      }
    },
    take(directory, message) {
      switch (message.kind) {
        case "answer":
          answer(message);
          return true;
        case "give-way":
          directory.giveWay(message.user, message.channel);
          tell({ kind: "gave-way", id: message.id });
          return true;
        case "mirror": {
          const { id, request, stream } = message.live;
          const reading = { self, owner: message.owner, wake };
          mirrors.set(id, directory.mirror(request, stream, reading));
          copies.set(id + 1, id);
          return true;
        }
        case "news":
          mirrors.get(message.id)?.news(message.news);
          mirrors.get(copies.get(message.id) ?? -1)?.copyNews(message.news);
          return true;
        case "silence":
          mirrors.get(message.id)?.silence();
          return true;
        case "gave-way":
          mirrors.get(message.id)?.giveWay();
          return true;
        case "over":
          mirrors.get(message.id)?.end();
          mirrors.delete(message.id);
          copies.delete(message.id + 1);
          return true;
        default:
          return false;
      }
    },
    look(id) {
      const number = copies.get(id) ?? id;
      mirrors.get(number)?.wake();
      const broadcast = own.get(number)?.broadcast;
      if (broadcast !== undefined) {
        broadcast.outlet?.heard();
        broadcast.copy?.broadcast.outlet?.heard();
        takeInHeld(broadcast);
      }
    },
  };
}

/** As a request of this channel's broadcaster would be, without what only the authenticator needs. */
function requestOf({ name, password, user }: Channel): Request {
  return {
    verb: "broadcast",
    user,
    userPassword: undefined,
    channel: name,
    channelPassword: password,
    reply: false,
    join: undefined,
    wait: true,
  };
}

function keyOf(user: string, channel: string): string {
  return `${user}/${channel}`;
}
