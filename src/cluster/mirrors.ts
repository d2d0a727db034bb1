/**
 * Broadcasts of other nodes in our hub: which of them there is to be, and what becomes of it.
 *
 *     the best of the table    ours      ──► nothing to mirror
 *                              same      ──► kept, or revived
 *                              another   ──► the rest of the present one, then that one
 *                              none      ──► the rest, then silence or the end
 */
import { YIELD_MS } from "../core/limits.ts";
import { broadcastRequest } from "../protocol/request.ts";
import { formatOf } from "./follow.ts";
import { keyTo } from "./lock.ts";
import type { Mirror, Office } from "./office.ts";
import { yieldOwn } from "./ours.ts";
import type { Node, Place } from "./table.ts";
import { keyOfStream } from "./table.ts";
import type { Stream } from "./words.ts";

/** Makes the hub have what counts of a channel, after something has been heard of it. */
export function reconcile(office: Office, key: string): void {
  const { mirrors, ownByKey, table } = office;
  const elsewhere = table.elsewhere(key);
  const mirror = mirrors.get(key);
  const mine = ownByKey.get(key);
  if (elsewhere !== undefined && mine !== undefined) {
    yieldOwn(office, mine);
  }
  if (mirror === undefined) {
    if (elsewhere !== undefined) {
      attach(office, key, elsewhere);
    }
  } else if (elsewhere !== undefined && isOf(mirror, elsewhere)) {
    keep(office, key, mirror, elsewhere);
  } else {
    settleSoon(office, key, mirror);
  }
}

/** A node is not heard any more, or has said that it leaves. */
export function lose(office: Office, node: Node): void {
  const { lead, mirrors } = office;
  node.lost = true;
  lead.lost(node.id);
  const keys = [...node.byKey.keys()];
  for (const [key, mirror] of mirrors) {
    if (mirror.node === node) {
      settle(office, key, mirror);
    }
  }
  keys.forEach((key) => reconcile(office, key));
}

/** The hub has ended a mirror. */
export function forget(office: Office, key: string, mirror: Mirror): void {
  office.mirrors.delete(key);
  office.followings.close(mirror.link);
}

function isOf(mirror: Mirror, { node, stream }: Place): boolean {
  return mirror.node === node && mirror.link.stream.seq === stream.seq;
}

function keep(office: Office, key: string, mirror: Mirror, best: Place): void {
  if (mirror.link.stream.format !== best.stream.format) {
    mirror.following.format(formatOf(best.stream.format));
  }
  mirror.link.stream = best.stream;
  if (mirror.isSilent) {
    mirror.isSilent = false;
    if (!mirror.following.revive()) {
      forget(office, key, mirror);
      attach(office, key, best);
    }
  }
}

/** Waits for the rest of its bytes first, where they may come. */
function settleSoon(office: Office, key: string, mirror: Mirror): void {
  if (mirror.node.lost) {
    settle(office, key, mirror);
  } else if (!mirror.waits) {
    mirror.waits = true;
    office.followings.after(mirror.link, YIELD_MS, () => {
      mirror.waits = false;
      if (office.mirrors.get(key) === mirror) {
        settle(office, key, mirror);
      }
    });
  }
}

/** Its bytes are all there. What is to be by now? */
function settle(office: Office, key: string, mirror: Mirror): void {
  const elsewhere = office.table.elsewhere(key);
  if (elsewhere !== undefined) {
    if (!isOf(mirror, elsewhere)) {
      attach(office, key, elsewhere);
    }
    return;
  }
  const { following, link, node } = mirror;
  if (mirror.isReplaced && !mirror.isMissed && !node.lost) {
    following.giveWay();
    awaitNext(office, key, mirror);
    return;
  }
  const stream = node.streams.get(link.stream.seq);
  if (node.lost || stream?.silent === true || mirror.isReplaced) {
    mirror.isSilent = true;
    following.silence(node.lost);
  } else if (stream === undefined) {
    following.end();
  }
}

/** Another node is about to have the channel: there is nothing to linger for before it has. */
function awaitNext(office: Office, key: string, mirror: Mirror): void {
  office.clock.after(YIELD_MS, () => {
    mirror.isMissed = true;
    if (office.mirrors.get(key) === mirror) {
      settle(office, key, mirror);
    }
  });
}

function attach(office: Office, key: string, { node, stream }: Place): void {
  const { directory, followings, isRetiring, mirrors } = office;
  if (isRetiring) {
    return;
  }
  const former = mirrors.get(key);
  if (former !== undefined) {
    former.following.giveWay();
    followings.close(former.link);
  }
  const link = followings.open(node.id, stream);
  const opens = stream.lock === "" ? null : keyTo(stream.lock);
  const request = broadcastRequest(stream.user, stream.channel, stream.lock);
  const following = directory.follow(request, link.upstream, opens);
  mirrors.set(key, {
    node,
    link,
    following,
    isSilent: false,
    isReplaced: false,
    isMissed: false,
    waits: false,
  });
  if (stream.format !== "") {
    following.format(formatOf(stream.format));
  }
  followings.ready(link, following);
}

/** The channels of which something has changed between two lists of one node. */
export function changedKeys(before: Iterable<Stream>, after: Iterable<Stream>): Set<string> {
  return new Set([...before, ...after].map(keyOfStream));
}
