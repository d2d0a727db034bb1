/**
 * Icecast 2, where it is installed. A source PUTs its stream, a listener GETs it. Types that Icecast
 * does not know it passes on as they are; a listener begins wherever the stream is.
 *
 * So that it competes fairly: no burst of old data for newcomers, a queue as long as the relay's
 * window, as many clients as there are descriptors, and no log of each.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnServer } from "../measure/spawn.ts";
import { channelName, type Peer } from "./peer.ts";

const USER = "source";
const PASSWORD = "bench";

/** Bytes that a listener may lag: the relay's default window. */
const QUEUE_BYTES: number = 16 * 1024 * 1024;

/** Milliseconds between two looks whether it listens, for it does not say so. */
const LOOK_MS = 50;

/** Milliseconds for it to start. */
const START_MS = 5_000;

export const icecast: Peer = {
  name: "icecast",
  missing: () =>
    program() === undefined ? "not installed (Debian: apt install icecast2)" : undefined,
  async start({ prefix }) {
    const folder = mkdtempSync(join(tmpdir(), "fstream-icecast-"));
    // Started by root it becomes another user, who must be able to write its log.
    chmodSync(folder, 0o777);
    const port = freePort();
    writeFileSync(join(folder, "icecast.xml"), configuration(folder, port));
    const command = [...prefix, program() ?? "icecast2", "-c", join(folder, "icecast.xml")];
    const server = await spawnServer(command, undefined);
    const stop = async (): Promise<void> => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    const until = performance.now() + START_MS;
    while (!(await answers(port))) {
      if (performance.now() > until) {
        await stop();
        throw new Error(`icecast did not start: ${server.said()}`);
      }
      await Bun.sleep(LOOK_MS);
    }
    return {
      target: { peer: "icecast", host: "127.0.0.1", port, user: USER, password: PASSWORD },
      parts: [{ name: "icecast", pid: server.pid }],
      stop,
    };
  },
  broadcast: ({ host, port, user, password = "" }, channel) =>
    [
      `PUT /${channelName(channel)} HTTP/1.1`,
      `Host: ${host}:${port}`,
      `Authorization: Basic ${btoa(`${user}:${password}`)}`,
      "Content-Type: video/h264",
      "",
      "",
    ].join("\r\n"),
  watch: ({ host, port }, channel) =>
    [`GET /${channelName(channel)} HTTP/1.1`, `Host: ${host}:${port}`, "", ""].join("\r\n"),
};

function program(): string | undefined {
  return Bun.which("icecast2") ?? Bun.which("icecast") ?? undefined;
}

/** A port that was free a moment ago: Icecast does not choose one itself. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function configuration(folder: string, port: number): string {
  return `<icecast>
  <limits>
    <clients>100000</clients><sources>1000</sources><queue-size>${QUEUE_BYTES}</queue-size>
    <client-timeout>30</client-timeout><header-timeout>15</header-timeout>
    <source-timeout>30</source-timeout>
    <burst-on-connect>0</burst-on-connect><burst-size>0</burst-size>
  </limits>
  <authentication>
    <source-password>${PASSWORD}</source-password><relay-password>${PASSWORD}</relay-password>
    <admin-user>admin</admin-user><admin-password>${PASSWORD}</admin-password>
  </authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <fileserve>0</fileserve>
  <paths>
    <basedir>${folder}</basedir><logdir>${folder}</logdir>
    <webroot>${folder}</webroot><adminroot>${folder}</adminroot>
  </paths>
  <logging><accesslog>-</accesslog><errorlog>error.log</errorlog><loglevel>1</loglevel></logging>
  <security>
    <chroot>0</chroot>
    ${process.getuid?.() === 0 ? "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" : ""}
  </security>
</icecast>
`;
}
