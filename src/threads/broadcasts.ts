/**
 * All broadcasts of all threads, as the main thread knows them: what one thread tells of its own goes
 * through here to every other one, and to the main thread's own mirror.
 */
import type { Directory } from "../hub/directory.ts";
import type { Mirror } from "../hub/follow.ts";
import type { News, Wake } from "../hub/shared.ts";
import { originalOf } from "./ids.ts";
import type { Live, ToWorker, Turn } from "./messages.ts";

/** The main thread's place among the threads. */
export const MAIN = 0;

/** What is known of a broadcast, to tell a thread that begins later. */
interface Known {
  readonly live: Live;
  readonly owner: number;
  /** The newest of each kind, in the order in which they have to be learned. */
  readonly news: Map<string, { readonly id: number; readonly news: News }>;
  readonly mirror: Mirror;
}

export interface Broadcasts {
  begin(live: Live, owner: number): void;
  learn(id: number, news: News, from: number): void;
  turn(turn: Turn, id: number, from: number): void;
  /** The main thread was woken for a broadcast. */
  readonly look: (id: number) => void;
  /** A broadcast has ended on the main thread. */
  forget(id: number): void;
  /** Tells a thread that has just begun of all that there is. */
  introduce(send: (message: ToWorker) => void): void;
}

export function newBroadcasts(
  directory: () => Directory,
  wake: Wake,
  sendAll: (message: ToWorker, but: number) => void,
): Broadcasts {
  const known = new Map<number, Known>();
  const turns: Record<Turn, (mirror: Mirror) => void> = {
    silence: (mirror) => mirror.silence(),
    "gave-way": (mirror) => mirror.giveWay(),
    over: (mirror) => mirror.end(),
  };
  return {
    begin(live, owner) {
      const reading = { self: MAIN, owner, wake };
      const mirror = directory().mirror(live.request, live.stream, reading);
      known.set(live.id, { live, owner, news: new Map(), mirror });
      sendAll({ kind: "mirror", live, owner }, owner);
    },
    learn(id, news, from) {
      const own = known.get(id);
      const found = own ?? known.get(originalOf(id));
      if (found === undefined) {
        return;
      }
      found.news.set(`${id} ${news.kind}`, { id, news });
      sendAll({ kind: "news", id, news }, from);
      if (own === undefined) {
        found.mirror.copyNews(news);
      } else {
        found.mirror.news(news);
      }
    },
    turn(turn, id, from) {
      sendAll({ kind: "turn", turn, id }, from);
      const found = known.get(id);
      if (found !== undefined) {
        turns[turn](found.mirror);
      }
    },
    look(id) {
      (known.get(id) ?? known.get(originalOf(id)))?.mirror.wake();
    },
    forget: (id) => void known.delete(id),
    introduce(send) {
      for (const { live, news, owner } of known.values()) {
        send({ kind: "mirror", live, owner });
        news.forEach(({ id, news: each }) => send({ kind: "news", id, news: each }));
      }
    },
  };
}
