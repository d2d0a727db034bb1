/**
 * No secret reaches a log, an error message or the title of a process, whether its owner is let in
 * or not, at any level and in either format.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { newStage, TEST_MS, type Program, type Stage } from "../support/program.ts";
import { hasProc } from "../support/server.ts";
import { connect } from "../support/sockets.ts";

/** Secrets by what they are. Each is unlike everything else that is said. */
const RIGHT = "rightUserSecret";
const WRONG = "wrongUserSecret";
const CHANNEL = "channelSecret";
const OTHER = "otherChannelSecret";
const HASHED = "hashedUserSecret";
const FROM_ENV = "environmentSecret";
const SECRETS = [RIGHT, WRONG, CHANNEL, OTHER, HASHED, FROM_ENV, "$argon2"];

function expectNone(what: string, text: string): void {
  for (const secret of SECRETS) {
    expect([what, secret, text.includes(secret)]).toEqual([what, secret, false]);
  }
}

/** The command line of a process, as everybody on the machine may read it. */
function titleOf({ pid }: Program): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
}

/** Every way to say a password, to a server that takes it and to one that does not. */
async function clientsOf(stage: Stage, address: string): Promise<Program[]> {
  const file = await stage.file("password", `${RIGHT}\n`);
  const channel = ["-c", "cam", "--channel-password"];
  const broadcast = (args: readonly string[], env?: Record<string, string>): Program =>
    stage.fstream(["broadcast", address, ...args], { env });
  return [
    broadcast(["-u", "fier", "--user-password", RIGHT, ...channel, CHANNEL]),
    broadcast(["-u", "fier", `--user-password=${WRONG}`, ...channel, OTHER]),
    broadcast(["-u", "fier", "--user-password-file", file, "-c", "file"]),
    broadcast(["-u", "hash", "-c", "a"], { FSTREAM_USER_PASSWORD: HASHED }),
    broadcast(["-u", "hash", "-c", "b"], { FSTREAM_USER_PASSWORD: FROM_ENV }),
    stage.fstream(["broadcast", `fstream://fier:${RIGHT}@${address}/fier/url`]),
    stage.fstream(["broadcast", `fstream://fier:${WRONG}@${address}/fier/url`]),
    stage.fstream(["broadcast", `fstream://fier:${WRONG}@${address}:x/fier/url`]),
    stage.fstream(["wacth", `fstream://fier:${WRONG}@${address}/fier/url`]),
    stage.fstream(["watch", `fstream://:${CHANNEL}@${address}/fier/cam`]),
    stage.fstream(["watch", address, "-u", "fier", ...channel, OTHER]),
    stage.fstream([address, `broadcast,user=fier,user-password=${RIGHT},channel=seed`]),
    stage.fstream([address, `broadcast,user=fier,user-password=${WRONG},channel=seed`]),
    stage.fstream([address, `watch,channel=x,channel-password=${OTHER}`]),
  ];
}

/** Requests that are none, and hold secrets. */
async function sendNonsense(port: number): Promise<void> {
  for (const request of [
    `broadcast,user-password=${RIGHT},reply=1`,
    `${RIGHT},user=fier`,
    `broadcast,user=${WRONG}/,user-password=${RIGHT}`,
    `watch,user=fier,join=${CHANNEL}`,
  ]) {
    using client = await connect({ port }, request);
    await client.ended();
  }
}

test.each(["text", "json"])(
  "with a log in %s",
  async (format) => {
    await using stage = await newStage();
    const hash = await Bun.password.hash(HASHED, { algorithm: "argon2id", memoryCost: 1024 });
    await stage.file("users/hash.ini", `[DEFAULT]\npassword-hash=${hash}\n`);
    await stage.file("users/broken.ini", `[DEFAULT]\npassword-hash=${hash.slice(0, 30)}\n`);
    const relay = await stage.serve({
      users: { fier: RIGHT },
      flags: ["--log-level", "debug", "--log-format", format],
      env: { FSTREAM_USER_PASSWORD: FROM_ENV, FSTREAM_CHANNEL_PASSWORD: CHANNEL },
    });
    const clients = await clientsOf(stage, relay.address);
    const broken = stage.fstream(["broadcast", relay.address, "-u", "broken"], {
      env: { FSTREAM_USER_PASSWORD: HASHED },
    });
    await sendNonsense(relay.port);
    await relay.said.line(/fier\/cam is live/);
    await relay.said.line(/fier\/url is live/);
    await relay.said.line(/hash\/a is live/);
    await relay.said.line(/fier\/seed is live/);
    await relay.said.line(/unauthorized/, 4);
    // Those that are let in are still there, and have been for a while.
    const [first, , , , , url, , , , , , seed] = clients;
    for (const client of hasProc ? [first, url, seed] : []) {
      expect(client === undefined ? "" : titleOf(client)).toContain("*******");
    }
    expectNone("the title of the server", hasProc ? titleOf(relay) : "");
    for (const client of [...clients, broken]) {
      await client.end();
      client.kill("SIGINT");
      expectNone("a client", (await client.ending()).stderr);
    }
    relay.kill("SIGTERM");
    expect(await relay.exited()).toBe(0);
    await relay.said.ended();
    expectNone("the server", relay.said.text());
    expect(relay.said.text()).toContain("bad-request");
  },
  TEST_MS,
);
