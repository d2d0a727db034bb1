/**
 * How the sources of settings are merged, what every kind of setting takes, and what is said of a mistake.
 */
import { describe, expect, expectTypeOf, test } from "bun:test";
import * as fc from "fast-check";
import type { Network } from "../../src/core/networks.ts";
import { SETTING_NAMES, environmentName } from "../../src/server/settings-table.ts";
import { loadSettings } from "../../src/server/settings.ts";
import type { LoadedSettings, Settings, SettingsSources } from "../../src/server/settings.ts";

const DEFAULTS: Settings = {
  host: ["0.0.0.0", "::"],
  port: 61_920,
  unix: undefined,
  "tls-port": 61922,
  "tls-cert": undefined,
  "tls-key": undefined,
  users: "users",
  auth: undefined,
  cors: "on",
  workers: 1,
  drain: 10_000,
  "log-level": "info",
  "log-format": "text",
  coalesce: 5,
  window: 16 * 1024 * 1024,
  join: "keyframe",
  lag: 4_000,
  slow: "close",
  stall: 15_000,
  takeover: "replace",
  linger: 10_000,
  silence: 30_000,
  "max-connections": 0,
  "max-connections-per-address": 0,
  "max-watchers": 0,
  "max-channels-per-user": 100,
  "max-bitrate": 0,
  "allow-broadcast": [],
  "deny-broadcast": [],
  "allow-watch": [],
  "deny-watch": [],
  "proxy-from": [],
  "handshake-timeout": 5_000,
  "admin-host": ["127.0.0.1"],
  "admin-port": 61_921,
  "admin-token": undefined,
  record: undefined,
  "record-users": "*",
  "record-minutes": 60,
  "record-max-bytes": 10e9,
  "hook-url": undefined,
  "hook-secret": undefined,
  "hook-timeout": 5_000,
  cluster: undefined,
  "cluster-credentials": undefined,
  "cluster-ca": undefined,
  node: undefined,
};

function load(sources: Partial<SettingsSources>): LoadedSettings {
  return loadSettings({ flags: {}, env: {}, file: undefined, ...sources });
}

function ini(text: string): SettingsSources["file"] {
  return { path: "fstream.ini", text };
}

function settled(sources: Partial<SettingsSources>): Settings {
  const loaded = load(sources);
  if (!loaded.ok) {
    throw new Error(loaded.errors.join("\n"));
  }
  return loaded.settings;
}

function errorsOf(sources: Partial<SettingsSources>): readonly string[] {
  const loaded = load(sources);
  return loaded.ok ? [] : loaded.errors;
}

describe("without any source", () => {
  test("every setting has its default", () => {
    expect(settled({})).toEqual(DEFAULTS);
  });

  test("every setting says that it is a default", () => {
    const loaded = load({});
    expect(loaded.ok && Object.keys(loaded.origins)).toEqual([...SETTING_NAMES]);
    expect(loaded.ok && new Set(Object.values(loaded.origins))).toEqual(new Set(["default"]));
  });

  test("the types follow the table", () => {
    expectTypeOf<Settings["handshake-timeout"]>().toEqualTypeOf<number>();
    expectTypeOf<Settings["port"]>().toEqualTypeOf<number>();
    expectTypeOf<Settings["window"]>().toEqualTypeOf<number>();
    expectTypeOf<Settings["max-connections"]>().toEqualTypeOf<number>();
    expectTypeOf<Settings["host"]>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Settings["deny-watch"]>().toEqualTypeOf<readonly Network[]>();
    expectTypeOf<Settings["users"]>().toEqualTypeOf<string>();
    expectTypeOf<Settings["unix"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Settings["slow"]>().toEqualTypeOf<"close" | "skip">();
  });
});

describe("precedence", () => {
  const file = ini("[server]\nport = 1001\n[channel]\nlinger = 1\nstall = 1");
  const env = { FSTREAM_PORT: "1002", FSTREAM_LINGER: "2" };
  const flags = { port: "1003" };

  test("a flag beats the environment, which beats the file, which beats the default", () => {
    const { port, linger, stall, silence } = settled({ file, env, flags });
    expect([port, linger, stall, silence]).toEqual([1003, 2_000, 1_000, 30_000]);
  });

  test("every setting says where it comes from", () => {
    const loaded = load({ file, env, flags });
    expect(loaded.ok && loaded.origins).toMatchObject({
      port: "--port",
      linger: "FSTREAM_LINGER",
      stall: "fstream.ini, [channel]",
      silence: "default",
    });
  });

  test("a name whose text is undefined was not given", () => {
    expect(settled({ flags: { port: undefined }, env: { FSTREAM_PORT: undefined } })).toEqual(
      DEFAULTS,
    );
  });

  test("an empty path takes back one that a file gave", () => {
    const given = ini("[server]\nunix = /run/fstream.sock");
    expect(settled({ file: given }).unix).toBe("/run/fstream.sock");
    expect(settled({ file: given, env: { FSTREAM_UNIX: "" } }).unix).toBeUndefined();
    expect(settled({ file: given, flags: { unix: "" } }).unix).toBeUndefined();
  });

  test("a mistake counts also where something else overrides it", () => {
    expect(errorsOf({ env: { FSTREAM_PORT: "eighty" }, flags: { port: "80" } })).toEqual([
      `port is "eighty" (from FSTREAM_PORT): a port is a number from 0 to 65535`,
    ]);
  });
});

describe("each kind of setting", () => {
  test.each([
    ["port", "0", 0],
    ["port", "65535", 65_535],
    ["max-connections", "10000", 10_000],
    ["drain", "2", 2_000],
    ["drain", "0", 0],
    ["coalesce", "300", 300],
    ["coalesce", "10s", 10_000],
    ["handshake-timeout", "250ms", 250],
    ["window", "262144", 262_144],
    ["window", "1GiB", 1024 ** 3],
    ["slow", "skip", "skip"],
    ["takeover", " refuse ", "refuse"],
    ["log-level", "debug", "debug"],
    ["users", "/srv/my users", "/srv/my users"],
    ["users", "C:\\media\\users;old", "C:\\media\\users;old"],
    ["host", "127.0.0.1", ["127.0.0.1"]],
    ["host", "::1, fe80::1%eth0,localhost", ["::1", "fe80::1%eth0", "localhost"]],
    ["host", "relay-1.example.org", ["relay-1.example.org"]],
    ["host", "::,0.0.0.0,::", ["::", "0.0.0.0"]],
    ["max-bitrate", "0", 0],
    ["max-bitrate", "1.5M", 1_500_000],
    ["deny-watch", "", []],
    [
      "deny-watch",
      " 10.0.0.0/8, ::ffff:192.0.2.1",
      [
        { ip: [10, 0, 0, 0], bits: 8 },
        { ip: [192, 0, 2, 1], bits: 32 },
      ],
    ],
  ])("%s takes %p", (name, text, value) => {
    expect(settled({ flags: { [name]: text } })).toEqual({ ...DEFAULTS, [name]: value });
  });

  const TIME = "a bare number is seconds";
  const PATH =
    "it takes a path without quotes or control characters; " +
    "in an ini file, single quotes around the whole value keep its backslashes and semicolons";
  const NETS = "it takes addresses and networks, such as 10.0.0.0/8, with commas between them";
  const HOSTS = "it takes IP addresses or host names, without ports, with commas between them";

  test.each([
    ["port", "65536", "a port is a number from 0 to 65535"],
    ["port", "-1", "a port is a number from 0 to 65535"],
    ["port", "80.5", "a port is a number from 0 to 65535"],
    ["port", "1e3", "a port is a number from 0 to 65535"],
    ["port", "tcp://10.0.0.1:80", "a port is a number from 0 to 65535"],
    ["max-connections", "many", "it takes a number from 0 to 1000000"],
    ["max-connections", "1000001", "it takes a number from 0 to 1000000"],
    ["stall", "0", `it takes a time from 1s to 1h, such as 15s; ${TIME}`],
    ["stall", "61m", `it takes a time from 1s to 1h, such as 15s; ${TIME}`],
    ["stall", "soon", `it takes a time from 1s to 1h, such as 15s; ${TIME}`],
    [
      "coalesce",
      "11s",
      "it takes a time from 0 to 10s, such as 5ms; a bare number is milliseconds",
    ],
    [
      "window",
      "255KiB",
      "it takes a size from 256KiB to 1GiB, such as 16MiB; a bare number is bytes",
    ],
    [
      "window",
      "2GiB",
      "it takes a size from 256KiB to 1GiB, such as 16MiB; a bare number is bytes",
    ],
    ["slow", "stop", "it takes close or skip"],
    ["slow", "Skip", "it takes close or skip"],
    ["log-level", "", "it takes error, warn, info or debug"],
    ["users", "", PATH],
    ["users", "a\0b", PATH],
    ["auth", `"./auth.ts" ; mine`, PATH],
    ["host", "", HOSTS],
    ["host", "0.0.0.0:80", HOSTS],
    ["host", "[::]", HOSTS],
    ["host", "1.2.3.400", HOSTS],
    ["host", "127.0.0.1,", HOSTS],
    ["host", "-x", HOSTS],
    ["allow-watch", "all", `"all" is no IP address and no network; ${NETS}`],
    [
      "allow-watch",
      "10.0.0.1 10.0.0.2",
      `"10.0.0.1 10.0.0.2" is no IP address and no network; ${NETS}`,
    ],
    ["proxy-from", "10.0.0.0/8,", `a comma stands alone; ${NETS}`],
    [
      "deny-broadcast",
      "::/0, 10.0.0.1/24",
      `"10.0.0.1/24" has bits behind its prefix: the network is 10.0.0.0/24; ${NETS}`,
    ],
    ["host", `${"a".repeat(63)}.`.repeat(4), HOSTS],
  ])("%s does not take %p", (name, text, right) => {
    const errors = errorsOf({ flags: { [name]: text } });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toStartWith(`${name} is "`);
    expect(errors[0]).toEndWith(`" (from --${name}): ${right}`);
  });
});

describe("an unknown name", () => {
  test("among the flags is told the nearest flag", () => {
    expect(errorsOf({ flags: { colaesce: "5" } })).toEqual([
      "--colaesce is no setting; did you mean --coalesce?",
    ]);
  });

  test("in the environment is told the nearest name there", () => {
    expect(errorsOf({ env: { FSTREAM_MAX_CONECTIONS: "5" } })).toEqual([
      "FSTREAM_MAX_CONECTIONS is no setting; did you mean FSTREAM_MAX_CONNECTIONS?",
    ]);
    expect(errorsOf({ env: { FSTREAM_port: "5" } })).toEqual([
      "FSTREAM_port is no setting; did you mean FSTREAM_PORT?",
    ]);
    expect(errorsOf({ env: { FSTREAM_USER_PASWORD: "5" } })).toEqual([
      "FSTREAM_USER_PASWORD is no setting; did you mean FSTREAM_USER_PASSWORD?",
    ]);
  });

  test("that is near nothing is only named", () => {
    expect(errorsOf({ flags: { bitrate: "5" }, env: { FSTREAM_ELEPHANTS_MANY: "5" } })).toEqual([
      "FSTREAM_ELEPHANTS_MANY is no setting",
      "--bitrate is no setting",
    ]);
  });

  test("that every object has is unknown all the same", () => {
    const flags = JSON.parse(`{"__proto__": "5", "constructor": "5", "toString": "5"}`);
    expect(errorsOf({ flags })).toEqual([
      "--__proto__ is no setting",
      "--constructor is no setting",
      "--toString is no setting",
    ]);
  });
});

test("names of the client, of tests and of other programs in the environment are passed over", () => {
  const env = {
    FSTREAM_USER: "fier",
    FSTREAM_USER_PASSWORD: "123",
    FSTREAM_USER_PASSWORD_FILE: "p",
    FSTREAM_CHANNEL: "c",
    FSTREAM_CHANNEL_PASSWORD: "456",
    FSTREAM_CHANNEL_PASSWORD_FILE: "p",
    FSTREAM_ADDRESS: "127.0.0.1:61920",
    FSTREAM_CONFIG: "fstream.ini",
    FSTREAM_TEST_SLOWLY: "1",
    PATH: "/bin",
    fstream_port: "eighty",
  };
  expect(settled({ env })).toEqual(DEFAULTS);
});

test("all mistakes are reported, file first, then environment, then flags", () => {
  const errors = errorsOf({
    file: ini("[server]\nport = eighty\nusres = x"),
    env: { FSTREAM_LINGER: "long", FSTREAM_LINGRE: "1" },
    flags: { slow: "stop", whatever: "x" },
  });
  expect(errors).toEqual([
    "usres (from fstream.ini, [server]) is no setting; did you mean users?",
    `port is "eighty" (from fstream.ini, [server]): a port is a number from 0 to 65535`,
    "FSTREAM_LINGRE is no setting; did you mean FSTREAM_LINGER?",
    expect.stringContaining(`linger is "long" (from FSTREAM_LINGER): it takes a time`),
    "--whatever is no setting",
    `slow is "stop" (from --slow): it takes close or skip`,
  ]);
});

test("an error is one short line, whatever it quotes", () => {
  const [error = ""] = errorsOf({ flags: { port: `1\n\u001b[2J\u202e\u2028${"x".repeat(9999)}` } });
  expect(error).toStartWith(`port is "1\\u{a}\\u{1b}[2J\\u{202e}\\u{2028}xxx`);
  expect(error).toContain(`x…" (from --port)`);
  expect(error.length).toBeLessThan(200);
});

test("whatever the flags and the environment hold, the answer is settings or lines", () => {
  const words = fc.oneof(
    fc.constantFrom(...SETTING_NAMES, "prot", "__proto__", "constructor", "length", ""),
    fc.string({ unit: "binary" }),
  );
  const keys = fc.oneof(
    fc.constantFrom(...SETTING_NAMES.map(environmentName)),
    words.map((word) => `FSTREAM_${word}`),
    words,
  );
  const texts = fc.option(
    fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("0", "5", "5s", "1MiB", "skip", "::")),
    { nil: undefined },
  );
  fc.assert(
    fc.property(fc.dictionary(words, texts), fc.dictionary(keys, texts), (flags, env) => {
      expectSound(load({ flags, env }));
    }),
    { numRuns: 500 },
  );
});

/** Either every setting, or at least one line without a control character in it. */
function expectSound(loaded: LoadedSettings): void {
  if (loaded.ok) {
    expect(Object.keys(loaded.settings)).toEqual([...SETTING_NAMES]);
    return;
  }
  expect(loaded.errors.length).toBeGreaterThan(0);
  for (const error of loaded.errors) {
    expect(error).toMatch(/^[^\p{Cc}\p{Cs}]+$/u);
  }
}
