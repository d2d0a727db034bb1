/**
 * Two computers with a cable between them, made of Linux's network namespaces:
 *
 *     ┌─ near ───────────────┐                    ┌─ far ────────────────┐
 *     │ lo        10.77.0.1 ─┼─ veth ──── veth ───┼─ 10.77.0.2        lo │
 *     └──────────────────────┘  cut, shaped here  └──────────────────────┘
 *
 * Nothing in them can reach the machine that runs the tests, or be reached from it, but for the pipes
 * of the processes in them. When the cable is cut nobody is told: no FIN, no RST.
 */
import { describe, test } from "bun:test";
import { PROGRAM, type Options, type Program, type Stage } from "../support/program.ts";

/** Where the two are for each other. */
export const NEAR_ADDRESS = "10.77.0.1";
export const FAR_ADDRESS = "10.77.0.2";
const NEAR_END = "near0";
const FAR_END = "far0";

export type Side = "near" | "far";

export interface Network extends Disposable {
  /** What stands before a command to run it on one side. */
  prefix(side: Side): readonly string[];
  /** Runs the program of the checkout on one side. */
  run(stage: Stage, side: Side, args: readonly string[], options?: Options): Program;
  /** Starts a server on the near side, at which anyone may broadcast as bob. */
  serve(stage: Stage, flags: readonly string[]): Promise<{ server: Program; address: string }>;
  cut(): void;
  mend(): void;
  /** Puts a queue discipline of tc before each end of the cable; false where the kernel has none such. */
  shape(discipline: string): boolean;
  /** Packets that the disciplines have dropped. */
  dropped(): number;
}

/** Networks that are still there, for when the tests end before they do. */
const networks = new Set<Disposable>();
process.on("exit", () => networks.forEach((network) => network[Symbol.dispose]()));

let made = 0;

/** Lays a cable between two new namespaces. They are gone when it is disposed of. */
export function newNetwork(): Network {
  const name = `fstream-test-${process.pid}-${++made}`;
  const spaces = { near: `${name}-near`, far: `${name}-far` };
  const network = { [Symbol.dispose]: () => remove(spaces) };
  networks.add(network);
  try {
    lay(spaces);
  } catch (error) {
    remove(spaces);
    throw error;
  }
  const prefix: Network["prefix"] = (side) => ["ip", "netns", "exec", spaces[side]];
  const run: Network["run"] = (stage, side, args, options) =>
    stage.run([...prefix(side), process.execPath, PROGRAM, ...args], options);
  const ends = [
    [spaces.near, NEAR_END],
    [spaces.far, FAR_END],
  ] as const;
  return {
    prefix,
    run,
    async serve(stage, flags) {
      await stage.file("users/bob.ini", "[DEFAULT]\n");
      const where = [
        "--host",
        NEAR_ADDRESS,
        "--port",
        "0",
        "--admin-port",
        "0",
        "--users",
        stage.path("users"),
      ];
      const server = run(stage, "near", ["serve", ...where, ...flags], { stdin: "ignore" });
      const line = await server.said.line(/ listening on /);
      return { server, address: / on (\S+)/.exec(line)?.[1] ?? "" };
    },
    cut: () => ip("-n", spaces.far, "link", "set", FAR_END, "down"),
    mend: () => ip("-n", spaces.far, "link", "set", FAR_END, "up"),
    shape: (discipline) =>
      ends.every(([space, end]) => {
        const command = ["tc", "-n", space, "qdisc", "add", "dev", end, "root"];
        return attempt([...command, ...discipline.split(" ")]).ok;
      }),
    dropped() {
      const texts = ends.map(
        ([space, end]) => attempt(["tc", "-n", space, "-s", "qdisc", "show", "dev", end]).text,
      );
      return texts.reduce((sum, text) => sum + Number(/dropped (\d+)/.exec(text)?.[1] ?? 0), 0);
    },
    [Symbol.dispose]() {
      remove(spaces);
      networks.delete(network);
    },
  };
}

/** Why there can be no network here, or undefined where there can be one. */
function obstacle(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return "only root can make network namespaces, and only on Linux";
  }
  if (Bun.which("ip") === null || Bun.which("tc") === null) {
    return "ip and tc are not installed";
  }
  try {
    newNetwork()[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/**
 * A `describe` whose tests need a network of their own. They are skipped where there can be none,
 * and with FSTREAM_TEST_ALL=1 they fail there.
 */
export function describeWithNetwork(title: string, body: () => void): void {
  const why = obstacle();
  if (why === undefined) {
    describe(title, body);
  } else if (Bun.env["FSTREAM_TEST_ALL"] === "1") {
    describe(title, () => {
      test("needs a network of its own", () => {
        throw new Error(`${why}, and FSTREAM_TEST_ALL=1 asks for every test`);
      });
    });
  } else {
    describe.skip(`${title} (skipped: ${why})`, body);
  }
}

/** Whether the kernel has a queue discipline; not every one has all of them. */
export function hasDiscipline(discipline: string): boolean {
  if (obstacle() !== undefined) {
    return false;
  }
  using network = newNetwork();
  return network.shape(discipline);
}

function lay({ near, far }: Record<Side, string>): void {
  ip("netns", "add", near);
  ip("netns", "add", far);
  ip("-n", near, "link", "add", NEAR_END, "type", "veth", "peer", "name", FAR_END, "netns", far);
  ip("-n", near, "address", "add", `${NEAR_ADDRESS}/24`, "dev", NEAR_END);
  ip("-n", far, "address", "add", `${FAR_ADDRESS}/24`, "dev", FAR_END);
  ip("-n", near, "link", "set", "lo", "up");
  ip("-n", far, "link", "set", "lo", "up");
  ip("-n", near, "link", "set", NEAR_END, "up");
  ip("-n", far, "link", "set", FAR_END, "up");
}

/** With a namespace goes the end of the cable that is in it, and with that the other one. */
function remove(spaces: Record<Side, string>): void {
  Object.values(spaces).forEach((space) => attempt(["ip", "netns", "delete", space]));
}

function ip(...args: readonly string[]): void {
  const { ok, text } = attempt(["ip", ...args]);
  if (!ok) {
    throw new Error(`ip ${args.join(" ")}: ${text}`);
  }
}

function attempt(command: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const { success, stdout, stderr } = Bun.spawnSync([...command]);
  return { ok: success, text: `${stdout.toString()}${stderr.toString()}`.trim() };
}
