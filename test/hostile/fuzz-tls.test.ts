/**
 * The same hostile connections, without TLS, on the port that speaks it: none gets in, none stays, and
 * a broadcast on the other port goes on.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { newAuthority } from "../support/certificates.ts";
import { descriptorsOf, eventually, serverProcess, temporaryFolder } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";
import { fuzz } from "./run.ts";
import { writeSamples } from "./samples.ts";
import { show } from "./show.ts";

const CONNECTIONS = Bun.env["FSTREAM_TEST_ALL"] === "1" ? 10_000 : 2_000;
const SEED = Number(Bun.env["FSTREAM_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const LIVE = "film";
const PASSWORD = "a password that nobody guesses";
const HANDSHAKE_MS = 2_000;

setDefaultTimeout(300_000);

describeWith("openssl", "the port for TLS", () => {
  test(`takes ${CONNECTIONS} plain and hostile connections of the seed ${SEED} for what they are`, async () => {
    await using folder = await temporaryFolder();
    await using authority = await newAuthority();
    const { cert, key } = await authority.issue("server");
    const path = (name: string): string => join(folder.path, name);
    await writeSamples(path("samples"));
    await Bun.write(path(`users/${LIVE}.ini`), `[DEFAULT]\npassword=${PASSWORD}\n`);
    await using server = await serverProcess({
      users: path("users"),
      "handshake-timeout": `${HANDSHAKE_MS}ms`,
      "tls-cert": cert,
      "tls-key": key,
      "tls-port": "0",
    });
    const ports = [
      ...(server.log.matching(/listening on/)[0] ?? "").matchAll(/127\.0\.0\.1:(\d+)/g),
    ];
    const port = Number(ports.find((match) => Number(match[1]) !== server.port)?.[1]);
    const descriptors = descriptorsOf(server.pid);
    using film = await show(server.where, LIVE, PASSWORD);
    const orders = { port, seed: SEED, first: 0, count: CONNECTIONS, samples: path("samples") };
    const { faults, opened } = await fuzz({
      ...orders,
      live: LIVE,
      handshakeTimeout: HANDSHAKE_MS,
      tls: true,
    });
    expect(faults).toEqual([]);
    expect(opened).toBe(CONNECTIONS);
    const figures = await film.finish();
    expect(figures.frames).toBeGreaterThan(0);
    await eventually(
      () => descriptorsOf(server.pid) <= descriptors,
      () => `${descriptors} descriptors of a server with ${descriptorsOf(server.pid)}`,
    );
    expect(server.log.matching(/internal error/)).toEqual([]);
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
  });
});
