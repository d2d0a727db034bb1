/**
 * A channel whose broadcaster another thread has. What happens to that broadcaster is told here, and
 * happens to the channel of this thread's watchers as if it were one of theirs.
 */
import type { Request } from "../protocol/request.ts";
import { endLive, goLive, linger, type Surroundings } from "./channel.ts";
import { catchUp, learn, readFrom, type Reading } from "./mirror.ts";
import type { Channel } from "./model.ts";
import type { News, SharedStream } from "./shared.ts";
import type { Source } from "./sink.ts";

/** The way in for what another thread tells of its broadcast. */
export interface Mirror {
  /** Bytes were published; in the copy, where there is one, too. */
  wake(): void;
  news(news: News): void;
  /** News of its copy. */
  copyNews(news: News): void;
  /** Its broadcaster has gone, and may come back. */
  silence(): void;
  /** Its broadcaster has gone, and another one is about to come. */
  giveWay(): void;
  /** It has ended. */
  end(): void;
}

export function mirrorInto(
  around: Surroundings,
  channel: Channel,
  request: Request,
  stream: SharedStream,
  reading: Reading,
): Mirror {
  const source: Source = { ready: () => {}, close: () => {} };
  const result = goLive(mirroring(around, stream, reading), channel, request, source);
  if ("code" in result) {
    throw new Error(result.message);
  }
  const broadcast = result;
  broadcast.inlet?.heard();
  const isPresent = (): boolean => channel.live === broadcast;
  return {
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
    silence() {
      // It may have given way to another one that did not come after all.
      if (isPresent() && (channel.source === source || channel.source === null)) {
        channel.source = null;
        linger(around, channel);
      }
    },
    giveWay() {
      if (channel.source === source) {
        channel.source = null;
      }
    },
    end() {
      if (isPresent()) {
        channel.source = null;
        endLive(around, channel);
      }
    },
  };
}

/** Who owns a broadcast tells what it is and decides who takes a channel over. */
function mirroring(around: Surroundings, stream: SharedStream, reading: Reading): Surroundings {
  return {
    ...around,
    began(channel, broadcast) {
      readFrom(broadcast, stream, reading);
      around.began(channel, broadcast);
    },
    noticed(channel, notice) {
      if (notice.kind === "fault") {
        around.noticed(channel, notice);
      }
    },
  };
}
