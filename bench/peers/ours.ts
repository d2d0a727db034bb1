/**
 * Our own protocol, which the relay, the control and relays elsewhere take.
 */
import { writeFrame } from "../../src/protocol/frame.ts";
import { writeRequest } from "../../src/protocol/request.ts";
import { channelName, type Peer } from "./peer.ts";

export const OUR_REQUESTS: Pick<Peer, "broadcast" | "watch"> = {
  broadcast: ({ user, password }, channel) =>
    writeFrame(
      writeRequest({
        verb: "broadcast",
        user,
        userPassword: password,
        channel: channelName(channel),
      }),
    ),
  watch: ({ user }, channel) =>
    writeFrame(writeRequest({ verb: "watch", user, channel: channelName(channel) })),
};

/** The user as whom the bench broadcasts where nothing else is asked for. */
export const BENCH_USER = "bench";
