/**
 * The cable between two parts of a cluster is cut, and nobody is told. Each side goes on with what it
 * has; when the cable is mended, each channel has one broadcaster again, and both sides see it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import {
  describeWithNetwork,
  FAR_ADDRESS,
  NEAR_ADDRESS,
  newNetwork,
  type Network,
  type Side,
} from "../faults/network.ts";
import { listen, play, type Listener } from "../faults/sound.ts";
import { NATS_SERVER, startNats, type Nats } from "../support/nats.ts";
import { newStage, TEST_MS, type Program, type Stage } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";

setDefaultTimeout(TEST_MS);

/** So few that the ring still has what came while the cable was cut. */
const FRAME_BYTES = 400;
const RATE = 50;

const FLAGS = ["--linger", "1m", "--lag", "1m"];

/** Numbers of frames by which broadcasts are told apart. */
const NEXT = 1_000_000;

/** The kernel's tries to send again before it gives a connection up: some two seconds, in place of minutes. */
const TRIES = "net.ipv4.tcp_retries2=2";

const UNROUTED = /Router connection closed: (?!Duplicate Route)/;

/** Whether what is said meanwhile is lost, for NATS finds out; else it comes late. */
interface Outage {
  readonly notices: boolean;
}

const OUTAGES = [
  ["and NATS has noticed", { notices: true }],
  ["before NATS has noticed", { notices: false }],
] as const;

interface Node {
  readonly server: Program;
  readonly name: string;
  broadcaster(): Program;
  /** A watcher that is connected. */
  watcher(): Promise<Listener>;
}

interface Scene {
  readonly nats: Nats;
  readonly near: Node;
  readonly far: Node;
}

async function newScene(network: Network, stage: Stage, { notices }: Outage): Promise<Scene> {
  for (const side of ["near", "far"] as const) {
    if (notices) {
      await stage.run([...network.prefix(side), "sysctl", "-qw", TRIES]).exited();
    }
  }
  await stage.file("users/bob.ini", "[DEFAULT]\n");
  const nats = await startNats(stage, {
    servers: 2,
    hosts: [NEAR_ADDRESS, FAR_ADDRESS],
    prefixes: [network.prefix("near"), network.prefix("far")],
  });
  const start = async (side: Side, index: number): Promise<Node> => {
    const where = ["--host", "127.0.0.1", "--port", "0", "--admin-port", "0"];
    const own = ["--node", side, "--cluster", nats.server(index).url];
    const users = ["--users", stage.path("users")];
    const args = ["serve", ...where, ...users, ...own, ...FLAGS];
    const server = network.run(stage, side, args, { stdin: "ignore" });
    const line = await server.said.line(/ listening on /);
    const at = [/ on (\S+)/.exec(line)?.[1] ?? "", "--user", "bob"];
    let watchers = 0;
    return {
      server,
      name: side,
      broadcaster: () => network.run(stage, side, ["broadcast", ...at]),
      async watcher() {
        const program = network.run(stage, side, ["watch", ...at], { stdin: "ignore" });
        await server.said.line(/is watched/, ++watchers);
        return listen(program);
      },
    };
  };
  const [near, far] = await Promise.all([start("near", 0), start("far", 1)]);
  await Promise.all([knows(near, far, 1), knows(far, near, 1)]);
  return { nats, near, far };
}

async function knows(one: Node, other: Node, times: number): Promise<void> {
  await one.server.said.line(new RegExp(`cluster: node ${other.name} has come`), times);
}

/** Cuts the cable, and waits until each side has lost the other; where NATS `notices`, until it has given up its route. */
async function cut(
  network: Network,
  { nats, near, far }: Scene,
  { notices }: Outage,
): Promise<void> {
  network.cut();
  await Promise.all([
    ...(notices ? nats.servers.map((server) => server.said().line(UNROUTED)) : []),
    near.server.said.line(/cluster: node far is lost/),
    far.server.said.line(/cluster: node near is lost/),
  ]);
}

async function mend(network: Network, { near, far }: Scene): Promise<void> {
  network.mend();
  await Promise.all([knows(near, far, 2), knows(far, near, 2)]);
}

describeWith(NATS_SERVER, "a cluster", () => {
  describeWithNetwork("between whose parts the cable is cut", () => {
    test.concurrent.each(OUTAGES)(
      "goes on at both sides, and when it is mended %s, watchers go on where they were",
      async (_, outage) => {
        using network = newNetwork();
        await using stage = await newStage();
        const scene = await newScene(network, stage, outage);
        const { near, far } = scene;
        const [here, there] = [await near.watcher(), await far.watcher()];
        using player = play(near.broadcaster(), FRAME_BYTES, RATE);
        await Promise.all([here.hears(20), there.hears(20)]);
        await cut(network, scene, outage);
        await player.plays(2 * RATE);
        await here.hears(player.sent() - 1);
        const { last } = there.heard();
        await mend(network, scene);
        await there.hears(last + RATE);
        const final = await player.stop();
        await Promise.all([here.hears(final), there.hears(final)]);
        expect(here.heard()).toMatchObject({ gaps: 0, rest: 0 });
        expect(there.heard()).toMatchObject({ gaps: 0, rest: 0 });
        expect(near.server.said.text()).not.toMatch(/broadcaster .* closed/);
        expect(far.server.said.text()).not.toMatch(/watcher .* closed/);
      },
    );

    test.concurrent.each(OUTAGES)(
      "has a broadcaster at each side, and when it is mended %s, the newer one alone",
      async (_, outage) => {
        using network = newNetwork();
        await using stage = await newStage();
        const scene = await newScene(network, stage, outage);
        const { near, far } = scene;
        const [here, there] = [await near.watcher(), await far.watcher()];
        const older = near.broadcaster();
        using first = play(older, FRAME_BYTES, RATE);
        await Promise.all([here.hears(20), there.hears(20)]);
        await cut(network, scene, outage);
        using second = play(far.broadcaster(), FRAME_BYTES, RATE, NEXT);
        await there.hears(NEXT + RATE);
        await here.hears(first.sent() - 1);
        expect(here.heard().last).toBeLessThan(NEXT);
        await mend(network, scene);
        const { code, stderr } = await older.ending();
        expect(stderr).toMatch(/refused \(busy\)/);
        expect(code).toBe(3);
        await here.hears(NEXT + 2 * RATE);
        const late = await near.watcher();
        const final = await second.stop();
        await Promise.all([here.hears(final), there.hears(final), late.hears(final)]);
        expect(there.heard()).toMatchObject({ gaps: 1, rest: 0 });
        expect(here.heard()).toMatchObject({ gaps: 1, rest: 0 });
        for (const { server } of [near, far]) {
          expect(server.said.text()).not.toMatch(/watcher .* closed/);
        }
      },
    );

    test.concurrent("has a channel at each side, and then both at both sides", async () => {
      using network = newNetwork();
      await using stage = await newStage();
      const scene = await newScene(network, stage, { notices: true });
      const { near, far } = scene;
      await cut(network, scene, { notices: true });
      using player = play(far.broadcaster(), FRAME_BYTES, RATE);
      const [here, there] = [await near.watcher(), await far.watcher()];
      await there.hears(RATE);
      expect(here.heard().frames).toBe(0);
      await mend(network, scene);
      await here.hears(player.sent() + RATE);
      const final = await player.stop();
      await Promise.all([here.hears(final), there.hears(final)]);
      expect(here.heard()).toMatchObject({ gaps: 0, rest: 0 });
    });
  });
});
