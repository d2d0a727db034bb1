/** What a node knows, as figures.ts has it. */
import { keyOf } from "../hub/directory.ts";
import type { ChannelLinks, ClusterFigures, NodeFigures } from "./figures.ts";
import type { Office } from "./office.ts";

export function figuresOf(office: Office): ClusterFigures {
  const { clock, counters, isUp, table } = office;
  return {
    get node() {
      return table.self.name;
    },
    counters,
    connected: isUp,
    nodes: () =>
      Array.from(table.others.values(), ({ byKey, heardAt, id, lost, name }): NodeFigures => ({
        name,
        id,
        lost,
        channels: byKey.size,
        heard: Math.max(Math.round(clock.now() - heardAt), 0),
      })),
    channel: (user, channel) => linksOf(office, keyOf(user, channel)),
  };
}

function linksOf({ mirrors, ownByKey, table }: Office, key: string): ChannelLinks | null {
  const mine = ownByKey.get(key);
  const mirror = mirrors.get(key);
  if (mirror !== undefined) {
    const { gaps, lag, resyncs, session } = mirror.link;
    const follows = session > 0;
    const { name } = mirror.node;
    const own = { owner: name, isOwn: false, followers: [] };
    return { ...own, follows, lag: follows ? lag : null, gaps, resyncs };
  }
  if (mine === undefined) {
    return null;
  }
  const followers = Array.from(mine.links.values(), ({ at, confirmed, follower }) => ({
    node: table.others.get(follower)?.name ?? follower,
    lagBytes: at - confirmed,
  }));
  const own = { owner: table.self.name, isOwn: true, followers };
  return { ...own, follows: false, lag: null, gaps: 0, resyncs: 0 };
}
