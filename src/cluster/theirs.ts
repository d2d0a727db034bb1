/**
 * What other nodes say: who is there, and what they have.
 */
import { refusal } from "../core/errors.ts";
import { NODE_STREAMS_MAX } from "../core/limits.ts";
import { lose, changedKeys, reconcile } from "./mirrors.ts";
import type { Office } from "./office.ts";
import { give } from "./ours.ts";
import { drop, keyOfStream, put, type Node } from "./table.ts";
import type { Stream, Word } from "./words.ts";

/** Broadcasts in one part of a list: each takes up to a kilobyte, and a message may be no larger than 64. */
const LIST_PART = 50;

/** Parts of a list that are kept until it is complete. */
const PARTS_MAX: number = Math.ceil(NODE_STREAMS_MAX / LIST_PART);

export function hear(office: Office, word: Word): void {
  const { followings, table } = office;
  const { from } = word;
  if (from === table.self.id) {
    return;
  }
  if (word.k === "bye") {
    sayGoodbye(office, from);
    return;
  }
  const name = word.k === "beat" || word.k === "list" ? word.name : undefined;
  const node = meet(office, from, name);
  if (node === undefined) {
    return;
  }
  switch (word.k) {
    case "beat":
      if (word.v !== node.v) {
        ask(office, node);
      }
      if (word.again) {
        followings.again(from);
      }
      break;
    case "live":
    case "silent":
    case "over":
      change(office, node, word);
      break;
    case "list":
      learn(office, node, word);
      break;
    case "follow":
    case "taken":
    case "leave":
    case "lapsed":
    case "gone":
      hearLink(office, node, word);
      break;
    case "ask":
    case "claim":
    case "gave":
    case "kept":
    case "end":
      hearQuestion(office, node, word);
      break;
  }
}

type Said<K extends Word["k"]> = Extract<Word, { readonly k: K }>;

/** What concerns a link. */
function hearLink(
  office: Office,
  node: Node,
  word: Said<"follow" | "taken" | "leave" | "lapsed" | "gone">,
): void {
  const { followings, lead, own, table, tell } = office;
  const { id } = node;
  const { session } = word;
  switch (word.k) {
    case "follow": {
      const mine = own.get(word.seq);
      if (mine === undefined) {
        tell(id, { k: "gone", from: table.self.id, session });
      } else {
        lead.follow(mine, word);
      }
      break;
    }
    case "taken":
      lead.taken(id, session, word.at);
      break;
    case "leave":
      lead.leave(id, session);
      break;
    case "lapsed":
      followings.lapsed(id, session);
      break;
    case "gone":
      ask(office, node);
      break;
  }
}

function hearQuestion(
  office: Office,
  { id }: Node,
  word: Said<"ask" | "claim" | "gave" | "kept" | "end">,
): void {
  const { claims, directory, own } = office;
  switch (word.k) {
    case "ask":
      list(office, id);
      break;
    case "claim":
      give(office, id, word.number, word.seq);
      break;
    case "gave":
    case "kept":
      claims.get(word.number)?.(word.k === "gave");
      break;
    case "end": {
      const mine = own.get(word.seq);
      if (mine !== undefined) {
        directory.end(mine.channel, refusal(word.code, word.message));
      }
      break;
    }
  }
}

/** Notes that a node is there, and makes its acquaintance where it was not. */
function meet(office: Office, id: string, name: string | undefined): Node | undefined {
  const { clock, followings, say, table } = office;
  const now = clock.now();
  const known = table.others.get(id);
  const node = known ?? table.add(id, name ?? id, now);
  if (node === undefined) {
    return undefined;
  }
  node.heardAt = now;
  if (known === undefined) {
    if (name !== undefined) {
      say("info", "cluster node", `cluster: node ${name} has come`);
    }
    ask(office, node);
    tellBeat(office, false);
  } else if (node.lost) {
    node.lost = false;
    say("info", "cluster node", `cluster: node ${node.name} has come back`);
    [...node.byKey.keys()].forEach((key) => reconcile(office, key));
    followings.again(id);
    ask(office, node);
  }
  if (name !== undefined && node.name !== name) {
    if (known !== undefined && node.name === id) {
      say("info", "cluster node", `cluster: node ${name} has come`);
    }
    node.name = name;
  }
  return node;
}

function sayGoodbye(office: Office, id: string): void {
  const { say, table } = office;
  const node = table.others.get(id);
  if (node !== undefined) {
    say("info", "cluster node", `cluster: node ${node.name} has left`);
    lose(office, node);
    table.others.delete(id);
  }
}

function ask({ table, tell }: Office, node: Node): void {
  tell(node.id, { k: "ask", from: table.self.id });
}

/** One change of what a node has. What is not the next one is applied too, and the whole asked for. */
function change(office: Office, node: Node, word: Said<"live" | "silent" | "over">): void {
  if (node.v >= 0 && word.v <= node.v) {
    return;
  }
  if (word.v === node.v + 1) {
    node.v = word.v;
  } else {
    ask(office, node);
  }
  const key = applied(office, node, word);
  if (key !== undefined) {
    reconcile(office, key);
  }
}

/** The channel that it concerns, where it is known. */
function applied(
  { mirrors }: Office,
  node: Node,
  word: Said<"live" | "silent" | "over">,
): string | undefined {
  if (word.k === "live") {
    put(node, word.stream);
    return keyOfStream(word.stream);
  }
  const stream = word.k === "over" ? drop(node, word.seq) : node.streams.get(word.seq);
  if (stream === undefined) {
    return undefined;
  }
  const key = keyOfStream(stream);
  const mirror = mirrors.get(key);
  if (word.k === "silent") {
    put(node, { ...stream, silent: true });
  }
  if (word.replaced && mirror?.node === node && mirror.link.stream.seq === word.seq) {
    // Those who come now wait for the next one, while the others get the rest of this.
    mirror.isReplaced = true;
    mirror.following.giveWay();
  }
  return key;
}

/** All that a node has, in parts, of which the last one completes it. */
function learn(office: Office, node: Node, word: Said<"list">): void {
  const { part, parts, streams, v } = word;
  if (part === 0) {
    node.parts = [];
  }
  if (part !== node.parts.length || parts > PARTS_MAX) {
    return;
  }
  node.parts.push(streams);
  if (part < parts - 1) {
    return;
  }
  const before = [...node.streams.values()];
  const after = node.parts.flat();
  node.parts = [];
  node.v = v;
  const present = new Set(after.map(({ seq }) => seq));
  before.filter(({ seq }) => !present.has(seq)).forEach(({ seq }) => drop(node, seq));
  after.forEach((stream) => put(node, stream));
  changedKeys(before, after).forEach((key) => reconcile(office, key));
}

/** Tells a node all that this one has. */
function list({ table, tell }: Office, to: string): void {
  const { id, name, streams, v } = table.self;
  const all: Stream[] = [...streams.values()];
  const parts = Math.max(Math.ceil(all.length / LIST_PART), 1);
  for (let part = 0; part < parts; part++) {
    const some = all.slice(part * LIST_PART, (part + 1) * LIST_PART);
    tell(to, { k: "list", from: id, name, v, part, parts, streams: some });
  }
}

/** This node is there. */
export function tellBeat({ table, tellAll }: Office, again: boolean): void {
  const { id, name, v } = table.self;
  tellAll({ k: "beat", from: id, name, v, again });
}
