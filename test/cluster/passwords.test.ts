/**
 * A channel's password counts at every node, and NATS does not see it.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect as connectNats } from "@nats-io/transport-node";
import { NATS_SERVER } from "../support/nats.ts";
import { TEST_MS, within } from "../support/program.ts";
import { admitted, connect, payload, sha256, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { newCluster, USERS, type Cluster, type Node } from "./nodes.ts";

setDefaultTimeout(TEST_MS);

/** Commas and line ends cannot be in one; everything else can. */
const PASSWORD = 'p=ss "wörd" 🗝';
const WATCH = "watch,user=fier,reply=1,channel=";
const BROADCAST = `broadcast,user=fier,user-password=${USERS["fier"]},reply=1,channel=`;

/** The reply to a watcher without a word about what follows: "ok" or a code. */
async function answer(node: Node, request: string): Promise<string> {
  using client = await connect(node, request);
  const reply = await client.reply();
  return /^error,code=([a-z-]+)/.exec(reply)?.[1] ?? reply;
}

/** A watcher of everything on NATS. */
async function eavesdrop(cluster: Cluster): Promise<() => Promise<Buffer>> {
  const nats = await connectNats({ servers: cluster.nats.server(2).url });
  const subscription = nats.subscribe(">");
  const heard: Buffer[] = [];
  const listening = (async (): Promise<void> => {
    for await (const { subject, data } of subscription) {
      heard.push(Buffer.from(subject), Buffer.from(data));
    }
  })();
  await nats.flush();
  return async () => {
    await nats.flush();
    await nats.close();
    await listening;
    return Buffer.concat(heard);
  };
}

/** Forms in which somebody might give `secret` away: as it is, coded, and hashed without a salt. */
function formsOf(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret);
  const hashes = ["md5", "sha1", "sha256", "sha512"].map((name) =>
    createHash(name).update(bytes).digest(),
  );
  const codings = ["hex", "base64", "base64url"] as const;
  const written = [bytes, ...hashes].flatMap((form) =>
    codings.map((coding) => Buffer.from(form.toString(coding).replaceAll("=", ""))),
  );
  return [bytes, ...hashes, ...written, Buffer.from(encodeURIComponent(secret))];
}

describeWith(NATS_SERVER, "a channel's password", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await newCluster({ flags: ["--linger", "0"] });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("lets in who knows it at every node, and nobody else", async () => {
    const request = `${BROADCAST}locked,channel-password=${PASSWORD}`;
    using broadcaster = await admitted(cluster.node(0), request);
    const bytes = payload(100_000);
    const right = await Promise.all(
      cluster.nodes.map((node) => admitted(node, `${WATCH}locked,channel-password=${PASSWORD}`)),
    );
    for (const node of cluster.nodes) {
      expect(await answer(node, `${WATCH}locked`)).toBe("unauthorized");
      for (const wrong of ["", "wrong", PASSWORD.toUpperCase(), `${PASSWORD} `]) {
        const asked = await answer(node, `${WATCH}locked,channel-password=${wrong}`);
        expect([node.name, wrong, asked]).toEqual([node.name, wrong, "unauthorized"]);
      }
    }
    await broadcaster.send(bytes);
    await Promise.all(right.map((client) => client.until(bytes.length)));
    expect(right.map((client) => client.digest())).toEqual(right.map(() => sha256(bytes)));
    broadcaster.end();
    expect(await Promise.all(right.map((client) => client.ended()))).toEqual(["end", "end", "end"]);
  });

  test("is asked of those who came before it was known", async () => {
    const known = await Promise.all(
      cluster.nodes.map((node) => connect(node, `${WATCH}later,channel-password=${PASSWORD}`)),
    );
    const wrong = await Promise.all(
      cluster.nodes.map((node) => connect(node, `${WATCH}later,channel-password=guess`)),
    );
    const none = await Promise.all(cluster.nodes.map((node) => connect(node, `${WATCH}later`)));
    await cluster.watched(9, "later");
    const request = `${BROADCAST}later,channel-password=${PASSWORD}`;
    using broadcaster = await admitted(cluster.node(1), request);
    const bytes = payload(100_000);
    await broadcaster.send(bytes);
    for (const client of [...wrong, ...none]) {
      expect(await client.reply()).toStartWith("error,code=unauthorized");
      expect([await client.ended(), client.received()]).toEqual(["end", 0]);
    }
    for (const client of known) {
      expect(await client.reply()).toBe("ok");
      await client.until(bytes.length);
      expect(client.digest()).toBe(sha256(bytes));
    }
    broadcaster.end();
  });

  test("of the next broadcast is the one that counts", async () => {
    const watch = `${WATCH}changed,channel-password=`;
    const passwords = ["none", "first", "second", "third"];
    let last: Client | undefined;
    for (let index = 1; index < passwords.length; index++) {
      const [before, now] = passwords.slice(index - 1, index + 1);
      const request = `${BROADCAST}changed,channel-password=${now}`;
      // Each takes the channel over from the one before, which was at another node.
      const broadcaster = await admitted(cluster.node(index % 2), request);
      const isKnown = async (): Promise<void> => {
        while ((await answer(cluster.node(2), `${watch}${now}`)) !== "ok") {
          // The other node has not heard of it yet.
        }
      };
      await within(isKnown(), () => `the password ${now} is not known`);
      expect(await answer(cluster.node(2), `${watch}${before}`)).toBe("unauthorized");
      expect((await last?.reply()) ?? "error,code=busy").toStartWith("error,code=busy");
      last = broadcaster;
    }
    last?.destroy();
  });

  test("and that of a user cannot be read on NATS", async () => {
    const secrets = ["Secret-of-the-channel", USERS["fier"] ?? "", "Guess-of-a-watcher"];
    const [channelPassword, , guess] = secrets;
    const hang = await eavesdrop(cluster);
    const waiting = await connect(
      cluster.node(2),
      `${WATCH}secret,channel-password=${channelPassword}`,
    );
    await cluster.watched(1, "secret");
    const request = `${BROADCAST}secret,channel-password=${channelPassword}`;
    using broadcaster = await admitted(cluster.node(0), request);
    const text = payload(1_000);
    await broadcaster.send(text);
    await waiting.until(text.length);
    for (const node of cluster.nodes) {
      const asked = `${WATCH}secret,channel-password=${guess}`;
      expect(await answer(node, asked)).toBe("unauthorized");
    }
    using taker = await admitted(cluster.node(1), request);
    await taker.send(text);
    await waiting.until(2 * text.length);
    const heard = await hang();
    // It was there, and heard the stream.
    expect(heard.includes(text)).toBe(true);
    for (const secret of secrets) {
      const found = formsOf(secret).filter((form) => heard.includes(form));
      expect([secret, found.map(String)]).toEqual([secret, []]);
    }
  });
});
