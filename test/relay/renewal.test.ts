/**
 * A certificate that is replaced while the server runs: nobody is disconnected, nobody is refused, and
 * what is broken changes nothing.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { connect as connectTls } from "node:tls";
import { newAuthority, secureRelay } from "../support/certificates.ts";
import { failingServer, relay, serverProcess } from "../support/server.ts";
import { within, type Where } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { running } from "./streams.ts";

setDefaultTimeout(120_000);

/** The name in the certificate that the server on `port` shows. */
async function shownBy({ port, ca }: Extract<Where, { port: number }>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ port, host: "127.0.0.1", ca }, () => {
    resolve(new X509Certificate(socket.getPeerCertificate().raw).subject);
    socket.destroy();
  });
  socket.on("error", reject);
  return within(promise, "a certificate");
}

describeWith("openssl", "the certificate of a server that runs", () => {
  test("is replaced under load: streams go on, and no connection is refused", async () => {
    await using fstream = await secureRelay();
    const { authority, secure, server } = fstream;
    const live = {
      cert: join(authority.folder, "server.pem"),
      key: join(authority.folder, "server.key"),
    };
    using before = await running(secure, "before");
    expect(await shownBy(secure)).toBe("CN=server");

    const over = new AbortController();
    let shown = 0;
    const names = new Set<string>();
    const knock = async (): Promise<void> => {
      while (!over.signal.aborted) {
        names.add(await shownBy(secure));
        shown++;
      }
    };
    const knocking = Promise.all(Array.from({ length: 8 }, knock));
    for (let round = 0; round < 20; round++) {
      const next = await authority.issue(`next${round}`);
      await copyFile(next.cert, live.cert);
      await copyFile(next.key, live.key);
      await server.reloadCertificates();
      expect(await shownBy(secure)).toBe(`CN=next${round}`);
    }
    over.abort();
    await knocking;
    expect(shown).toBeGreaterThan(100);
    expect(names.size).toBeGreaterThan(5);
    expect(fstream.log.matching(/TLS has a new certificate: localhost, valid until/)).toHaveLength(
      20,
    );
    using after = await running(secure, "after");
    expect([await before.isExact(), await after.isExact()]).toEqual([true, true]);
  });

  test("stays where the new one is broken, and the log says why", async () => {
    await using fstream = await secureRelay();
    const { authority, secure, server } = fstream;
    using beside = await running(secure, "beside");
    const other = await authority.issue("other");
    const key = join(authority.folder, "server.key");
    await copyFile(other.key, key);
    await server.reloadCertificates();
    const line = await fstream.log.said(/does not belong/);
    expect(line).toStartWith(`error tls-key: ${key} does not belong to the certificate in `);
    expect(line).toContain("TLS goes on with localhost, valid until");
    expect(await shownBy(secure)).toBe("CN=server");
    await server.reloadCertificates();
    await copyFile(other.cert, join(authority.folder, "server.pem"));
    await server.reloadCertificates();
    expect(await shownBy(secure)).toBe("CN=other");
    expect(await beside.isExact()).toBe(true);
  });

  test("that has not changed is not replaced", async () => {
    await using fstream = await secureRelay();
    await fstream.server.reloadCertificates();
    expect(fstream.log.matching(/certificate/)).toEqual([]);
  });
});

test("a server without TLS has nothing to reload, and says nothing of it", async () => {
  await using fstream = await relay();
  await fstream.server.reloadCertificates();
  expect(fstream.server.addresses.map(({ kind }) => kind)).toEqual(["tcp"]);
  expect(fstream.log.all).toEqual([]);
});

describeWith("openssl", "a server that is started", () => {
  test("with files that are wrong says which, in one line, and exits with 1", async () => {
    await using authority = await newAuthority();
    const { cert, key } = await authority.issue("good");
    const none = join(authority.folder, "none");
    const cases: [Parameters<typeof failingServer>[0], string][] = [
      [{ "tls-cert": cert }, "tls-cert is set and tls-key is not: TLS takes both"],
      [{ "tls-key": key }, "tls-key is set and tls-cert is not: TLS takes both"],
      [{ "tls-cert": none, "tls-key": key }, `tls-cert: ${none} does not exist`],
      [{ "tls-cert": cert, "tls-key": cert }, `tls-key: ${cert} holds no private key in PEM`],
    ];
    for (const [flags, message] of cases) {
      const { code, text } = await failingServer({ "tls-port": "0", ...flags });
      expect([code, text.trimEnd().split("\n").length]).toEqual([1, 1]);
      expect(text).toStartWith(`fstream: ${message}`);
    }
  });

  test("on a TLS port that is taken says so, and exits with 1", async () => {
    await using authority = await newAuthority();
    const { cert, key } = await authority.issue("good");
    await using other = await serverProcess();
    const flags = { "tls-cert": cert, "tls-key": key, "tls-port": String(other.port) };
    const { code, text } = await failingServer(flags);
    expect(code).toBe(1);
    expect(text).toContain(
      `cannot listen on fstreams://127.0.0.1:${other.port}: it is in use; choose another --tls-port`,
    );
  });

  test("with a certificate that has expired says so, and listens", async () => {
    await using authority = await newAuthority();
    const { cert, key } = await authority.issue("old", { days: -1 });
    await using server = await serverProcess({ "tls-cert": cert, "tls-key": key, "tls-port": "0" });
    await server.log.said(/the certificate in .*old\.pem expired on/);
    expect(await server.log.said(/listening/)).toMatch(/fstreams:\/\/127\.0\.0\.1:\d+/);
  });
});
