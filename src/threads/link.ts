/**
 * A worker's side: its hub learns of broadcasts elsewhere, and tells of its own.
 *
 *     hub ──began, silenced, ended──► Link ──messages──► main
 *      ▲                               │
 *      └── mirrors ◄── messages, wakes ┘
 */
import type { Authenticator } from "../auth/authenticator.ts";
import type { Refusal } from "../core/errors.ts";
import { keyOf, type Directory, type Ears } from "../hub/directory.ts";
import type { Mirror } from "../hub/follow.ts";
import { takeInHeld } from "../hub/intake.ts";
import type { Broadcast, Channel } from "../hub/model.ts";
import { newOutlet, type News, type Wake } from "../hub/shared.ts";
import { broadcastRequest } from "../protocol/request.ts";
import { copyOf, originalOf } from "./ids.ts";
import type { Answer, Claim, Live, ToMain, Turn } from "./messages.ts";

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
  readonly gone: (connection: number) => void;
  /** This thread was woken for a broadcast. */
  readonly look: (id: number) => void;
  answered(answer: Answer): void;
  /** Another thread has a broadcaster. */
  mirror(directory: Directory, live: Live, owner: number): void;
  learn(id: number, news: News): void;
  /** What becomes of a broadcaster, here or elsewhere. */
  turn(directory: Directory, turn: Turn, id: number): void;
  /** Another broadcaster takes over what this thread has. */
  giveWay(directory: Directory, id: number): void;
}

interface Own {
  readonly channel: Channel;
  readonly broadcast: Broadcast;
}

/** What a link keeps. */
interface Desk {
  readonly options: LinkOptions;
  /** Connections that asked, with what waits for the answer. */
  readonly asking: Map<number, PromiseWithResolvers<Refusal | null> | null>;
  /** What was granted, by the channel's key. */
  readonly claims: Map<string, Claim>;
  readonly own: Map<number, Own>;
  readonly mirrors: Map<number, Mirror>;
  /** The broadcast that a channel has, here or elsewhere. Nothing is kept of those before. */
  readonly present: Map<string, number>;
}

export function newLink(options: LinkOptions): Link {
  const { self, tell, wake } = options;
  const desk: Desk = {
    options,
    asking: new Map(),
    claims: new Map(),
    own: new Map(),
    mirrors: new Map(),
    present: new Map(),
  };
  const { asking, claims, mirrors, own } = desk;
  return {
    ears: {
      began: (channel, broadcast) => began(desk, channel, broadcast),
      ended: (channel, broadcast) => ended(desk, channel, broadcast),
      silenced(_, { outlet }) {
        if (outlet !== null) {
          tell({ kind: "turn", turn: "silence", id: outlet.stream.id });
        }
      },
    },
    authenticator: {
      authenticate(asked) {
        const answer = Promise.withResolvers<Refusal | null>();
        asking.set(asked.connection, answer);
        tell({ kind: "ask", asked });
        return answer.promise;
      },
    },
    gone(connection) {
      if (asking.delete(connection)) {
        tell({ kind: "gone", connection });
      }
    },
    look: (id) => look(desk, id),
    answered({ claim, connection, fault, refused }) {
      const waits = asking.get(connection);
      if (waits === undefined || waits === null) {
        return;
      }
      asking.set(connection, null);
      if (fault !== undefined) {
        waits.reject(new Error(fault));
        return;
      }
      if (claim !== null) {
        claims.set(claim.key, claim);
      }
      waits.resolve(refused);
    },
    mirror(directory, { id, request, stream }, owner) {
      replace(desk, keyOf(request.user, request.channel), id);
      mirrors.set(id, directory.mirror(request, stream, { self, owner, wake }));
    },
    learn(id, news) {
      mirrors.get(id)?.news(news);
      mirrors.get(originalOf(id))?.copyNews(news);
    },
    turn: (directory, turn, id) => take(desk, directory, turn, id),
    giveWay(directory, id) {
      const mine = own.get(id);
      if (mine !== undefined) {
        directory.giveWay(mine.channel);
      }
      // Also where there is nothing to let go of any more: somebody waits for the answer.
      tell({ kind: "turn", turn: "gave-way", id });
    },
  };
}

/** A broadcast has begun: where it is one of this thread's, the others are to see it. */
function began(desk: Desk, channel: Channel, broadcast: Broadcast): void {
  const { claims, options, own } = desk;
  const key = keyOf(channel.user, channel.name);
  const claim = claims.get(key);
  if (broadcast.inlet !== null || claim === undefined) {
    return;
  }
  claims.delete(key);
  const { id } = claim;
  const { self, tell, threads, wake } = options;
  const outlet = newOutlet({
    id,
    copyId: copyOf(id),
    threads,
    self,
    wake,
    tell: (about, news) => tell({ kind: "news", id: about, news }),
  });
  broadcast.outlet = outlet;
  replace(desk, key, id);
  own.set(id, { channel, broadcast });
  tell({
    kind: "live",
    live: {
      id,
      request: broadcastRequest(channel.user, channel.name, channel.password),
      stream: outlet.stream,
    },
  });
}

function ended(desk: Desk, channel: Channel, { outlet }: Broadcast): void {
  const { options, own } = desk;
  if (outlet !== null) {
    const { id } = outlet.stream;
    own.delete(id);
    forget(desk, id);
    // Where another one has come, that one's beginning says it.
    if (channel.live === null) {
      options.tell({ kind: "turn", turn: "over", id });
    }
  }
}

function take(desk: Desk, directory: Directory, turn: Turn, id: number): void {
  const { mirrors, own } = desk;
  const mirror = mirrors.get(id);
  const mine = own.get(id);
  switch (turn) {
    case "silence":
      mirror?.silence();
      if (mine !== undefined) {
        directory.orphan(mine.channel);
      }
      break;
    case "gave-way":
      mirror?.giveWay();
      break;
    case "over":
      mirror?.end();
      forget(desk, id);
      if (mine !== undefined) {
        directory.drop(mine.channel);
      }
      break;
  }
}

function look({ mirrors, own }: Desk, id: number): void {
  (mirrors.get(id) ?? mirrors.get(originalOf(id)))?.wake();
  const broadcast = (own.get(id) ?? own.get(originalOf(id)))?.broadcast;
  if (broadcast !== undefined) {
    broadcast.outlet?.heard();
    broadcast.copy?.broadcast.outlet?.heard();
    takeInHeld(broadcast);
  }
}

/** What a channel had before goes on to what it has now. */
function replace({ mirrors, present }: Desk, key: string, id: number): void {
  mirrors.delete(present.get(key) ?? -1);
  present.set(key, id);
}

/** A broadcast is over. */
function forget({ mirrors, present }: Desk, id: number): void {
  mirrors.delete(id);
  for (const [key, last] of present) {
    if (last === id) {
      present.delete(key);
      break;
    }
  }
}
