/**
 * A channel whose broadcaster another thread has. What happens to that broadcaster is told here, and
 * happens to the channel of this thread's watchers as if it were one of theirs.
 */
import type { Request } from "../protocol/request.ts";
import { goLive, type Surroundings } from "./channel.ts";
import { catchUp, learn, readFrom, type Reading } from "./mirror.ts";
import type { Channel } from "./model.ts";
import type { News, SharedStream } from "./shared.ts";
import { newAbsentee, standInFor, toldOfFaults, type StandIn } from "./stand-in.ts";

/** The way in for what another thread tells of its broadcast. */
export interface Mirror extends StandIn {
  /** Bytes were published; in the copy, where there is one, too. */
  wake(): void;
  news(news: News): void;
  /** News of its copy. */
  copyNews(news: News): void;
}

export function mirrorInto(
  around: Surroundings,
  channel: Channel,
  request: Request,
  stream: SharedStream,
  reading: Reading,
): Mirror {
  const source = newAbsentee();
  const result = goLive(mirroring(around, stream, reading), channel, request, source);
  if ("code" in result) {
    throw new Error(result.message);
  }
  const broadcast = result;
  broadcast.inlet?.heard();
  return {
    ...standInFor(around, channel, broadcast, source),
    wake() {
      catchUp(broadcast);
      if (broadcast.copy !== null) {
        catchUp(broadcast.copy.broadcast);
      }
    },
    news: (news) => learn(broadcast, news, reading),
    copyNews(news) {
      if (broadcast.copy !== null) {
        learn(broadcast.copy.broadcast, news, reading);
      }
    },
  };
}

/** Who owns a broadcast tells what it is and decides who takes a channel over. */
function mirroring(around: Surroundings, stream: SharedStream, reading: Reading): Surroundings {
  return {
    ...toldOfFaults(around),
    began(channel, broadcast) {
      readFrom(broadcast, stream, reading);
      around.began(channel, broadcast);
    },
  };
}
