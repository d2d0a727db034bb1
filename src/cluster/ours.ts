/**
 * Broadcasts whose broadcaster is here: all nodes are told of them, and of what becomes of them.
 */
import { refusal, type Refusal } from "../core/errors.ts";
import { YIELD_MS } from "../core/limits.ts";
import { keyOf } from "../hub/directory.ts";
import type { Broadcast, Channel } from "../hub/model.ts";
import type { Own } from "./lead.ts";
import { lockOf } from "./lock.ts";
import type { Office } from "./office.ts";
import { drop, put, type Place } from "./table.ts";
import type { Stream } from "./words.ts";

const BUSY = refusal("busy", "the channel has a broadcaster");

/** The hub has a broadcast of ours. */
export function began(office: Office, channel: Channel, broadcast: Broadcast): void {
  const { isUp, lead, own, ownByBroadcast, ownByKey, table, tellAll } = office;
  const key = keyOf(channel.user, channel.name);
  const known = table.best(key)?.stream.epoch ?? 0;
  const stream: Stream = {
    seq: ++office.lastSeq,
    epoch: Math.max(Date.now(), known + 1),
    user: channel.user,
    channel: channel.name,
    lock: lockOf(channel.password),
    silent: false,
    format: "",
  };
  const mine: Own = { channel, broadcast, stream, isFinished: false, links: new Map() };
  own.set(stream.seq, mine);
  ownByKey.set(key, mine);
  ownByBroadcast.set(broadcast, mine);
  put(table.self, stream);
  if (isUp() && table.others.size > 0) {
    lead.reserve(mine);
  }
  tellAll({ k: "live", from: table.self.id, v: ++table.self.v, stream });
}

/** It is known by now what it is. */
export function recognised(office: Office, mine: Own): void {
  const { lead, table, tellAll } = office;
  mine.stream = { ...mine.stream, format: mine.broadcast.scan.format ?? "" };
  put(table.self, mine.stream);
  tellAll({ k: "live", from: table.self.id, v: ++table.self.v, stream: mine.stream });
  lead.noticed(mine);
}

/** It has no broadcaster any more, or is about to have none; `replaced` where one may be elsewhere. */
export function announceSilence({ table, tellAll }: Office, mine: Own, replaced: boolean): void {
  if (!mine.stream.silent) {
    mine.stream = { ...mine.stream, silent: true };
    const { seq } = mine.stream;
    put(table.self, mine.stream);
    tellAll({ k: "silent", from: table.self.id, v: ++table.self.v, seq, replaced });
  }
}

/** Its broadcaster has gone, and may come back: no more bytes come of this one. */
export function silenced(office: Office, mine: Own, replaced: boolean = false): void {
  if (!mine.stream.silent) {
    office.lead.finish(mine);
    announceSilence(office, mine, replaced);
  }
}

/** It is over, or another one has its channel. */
export function ended(office: Office, mine: Own): void {
  const { clock, isRetiring, lead, own, ownByBroadcast, ownByKey, table, tellAll } = office;
  const { broadcast, channel, stream } = mine;
  const { seq } = stream;
  const key = keyOf(channel.user, channel.name);
  // Whoever has just heard of it may not have asked for it yet.
  clock.after(YIELD_MS, () => own.delete(seq));
  ownByBroadcast.delete(broadcast);
  if (ownByKey.get(key) === mine) {
    ownByKey.delete(key);
  }
  drop(table.self, seq);
  lead.finish(mine);
  const replaced = isRetiring || channel.live !== null;
  tellAll({ k: "over", from: table.self.id, v: ++table.self.v, seq, replaced });
}

/** Lets a channel go that another node has, or is about to have. */
export function yieldOwn(office: Office, mine: Own): void {
  if (!mine.stream.silent) {
    office.counters.yielded++;
    office.directory.giveWay(mine.channel);
    silenced(office, mine, true);
  }
}

/** Another node asks for a channel. */
export function give(office: Office, from: string, number: number, seq: number): void {
  const { clock, directory, own, settings, table, tell } = office;
  const mine = own.get(seq);
  if (mine !== undefined && !mine.stream.silent) {
    if (settings.takeover === "refuse") {
      tell(from, { k: "kept", from: table.self.id, number });
      return;
    }
    yieldOwn(office, mine);
    // Nobody may come after all.
    clock.after(YIELD_MS, () => {
      if (mine.channel.live === mine.broadcast) {
        directory.orphan(mine.channel);
      }
    });
  }
  tell(from, { k: "gave", from: table.self.id, number });
}

/**
 * Asks the node that has a channel to give it up, for a broadcaster of ours. Those who watch here get the
 * rest of what was before, if it comes in time.
 */
export async function claim(
  office: Office,
  user: string,
  channel: string,
): Promise<Refusal | null> {
  const { clock, followings, mirrors, settings, table } = office;
  const key = keyOf(user, channel);
  const elsewhere = table.elsewhere(key);
  if (elsewhere !== undefined && office.isUp()) {
    if (settings.takeover === "refuse" || !(await isGiven(office, elsewhere))) {
      return BUSY;
    }
  }
  const mirror = mirrors.get(key);
  if (mirror !== undefined && !mirror.node.lost) {
    await new Promise<void>((go) => {
      followings.after(mirror.link, YIELD_MS, go);
      clock.after(YIELD_MS, go);
    });
  }
  return null;
}

/** Whether a node gives a channel up. One that does not answer has lost it. */
async function isGiven(office: Office, { node, stream }: Place): Promise<boolean> {
  const { claims, clock, table, tell } = office;
  const number = ++office.lastClaim;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  claims.set(number, resolve);
  tell(node.id, { k: "claim", from: table.self.id, number, seq: stream.seq });
  const cancel = clock.after(YIELD_MS, () => resolve(true));
  const given = await promise;
  cancel();
  claims.delete(number);
  return given;
}
