/**
 * The certificate's files: what is wrong with them, in one line, and when they count as renewed.
 */
import { expect, test } from "bun:test";
import { chmod, rename, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CERTIFICATE_POLL_MS } from "../../src/core/limits.ts";
import { newRenewal, readPair, type CertificateFiles } from "../../src/server/certificate.ts";
import { newAuthority, type Authority } from "../support/certificates.ts";
import { handClock, type HandClock } from "../support/clock.ts";
import { eventually } from "../support/server.ts";
import { describeWith } from "../support/tools.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What `readPair` says of the files. */
async function complaint(files: CertificateFiles): Promise<string> {
  const read = await readPair(files).catch((error: unknown) => error);
  return read instanceof Error ? read.message : "nothing";
}

describeWith("openssl", "a certificate and its key", () => {
  test("that belong together are read, with the name and the end of their time", async () => {
    await using authority = await newAuthority();
    const files = await authority.issue("good");
    const pair = await readPair(files);
    expect(pair.cert).toContain("BEGIN CERTIFICATE");
    expect(pair.key).toContain("PRIVATE KEY");
    expect(pair.title).toMatch(/^localhost, valid until \w+ +\d+ .*20\d\d/);
    expect(pair.warning).toBeUndefined();
    const later = await readPair(files, new Date(Date.now() + 3 * DAY_MS));
    expect(later.warning).toContain(`the certificate in ${files.cert} expired on`);
    const before = await readPair(files, new Date(Date.now() - DAY_MS));
    expect(before.warning).toContain("is not valid before");
  });

  test("that are wrong are told by the setting, the path and what is the matter", async () => {
    await using authority = await newAuthority();
    const [good, other] = [await authority.issue("good"), await authority.issue("other")];
    const at = (name: string): string => join(authority.folder, name);
    await writeFile(at("empty"), "");
    await writeFile(at("noise"), crypto.getRandomValues(new Uint8Array(5000)));
    await writeFile(at("half"), (await Bun.file(good.cert).text()).slice(0, 200));
    await writeFile(at("locked"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH\n");
    const cases: [CertificateFiles, string][] = [
      [{ ...good, cert: at("none") }, `tls-cert: ${at("none")} does not exist`],
      [{ ...good, key: at("none") }, `tls-key: ${at("none")} does not exist`],
      [{ ...good, cert: authority.folder }, `tls-cert: ${authority.folder} is a folder`],
      [{ ...good, cert: at("empty") }, `tls-cert: ${at("empty")} holds no certificate in PEM`],
      [{ ...good, cert: at("noise") }, `tls-cert: ${at("noise")} holds no certificate in PEM`],
      [{ ...good, cert: at("half") }, `tls-cert: ${at("half")} holds no certificate in PEM`],
      [{ ...good, cert: good.key }, `tls-cert: ${good.key} holds no certificate in PEM`],
      [{ ...good, key: at("empty") }, `tls-key: ${at("empty")} holds no private key in PEM`],
      [{ ...good, key: good.cert }, `tls-key: ${good.cert} holds no private key in PEM`],
      [{ ...good, key: at("locked") }, `tls-key: ${at("locked")} is locked with a passphrase`],
      [
        { ...good, key: other.key },
        `tls-key: ${other.key} does not belong to the certificate in ${good.cert}`,
      ],
    ];
    for (const [files, message] of cases) {
      expect(await complaint(files)).toStartWith(message);
    }
    // Who runs as root may read everything.
    if (process.getuid?.() !== 0) {
      await chmod(good.key, 0);
      expect(await complaint(good)).toBe(`tls-key: ${good.key} may not be read by this user`);
    }
  });
});

/** A renewal by a clock of ours, and what it has told. */
async function renewalOf(files: CertificateFiles) {
  const clock = handClock();
  const told: string[] = [];
  const renewal = await newRenewal({
    files,
    clock,
    renewed: ({ title }) => void told.push(title.replace(/,.*/, "")),
    kept: (why) => void told.push(why),
  });
  return { clock, told, renewal };
}

/** One look, and all that it does. */
async function look(clock: HandClock): Promise<void> {
  clock.advance(CERTIFICATE_POLL_MS);
  await eventually(() => clock.pending() === 1, "the next look");
}

/** Puts `from` in the place of `to`, as certbot does: by another link. */
async function relink(authority: Authority, name: string, to: string): Promise<void> {
  const [link, fresh] = [join(authority.folder, name), join(authority.folder, `${name}.new`)];
  await symlink(to, fresh);
  await rename(fresh, link);
}

describeWith("openssl", "a renewal", () => {
  test("counts when it has rested for a look, and once", async () => {
    await using authority = await newAuthority();
    const [one, two] = [
      await authority.issue("one", { names: "DNS:one" }),
      await authority.issue("two", { names: "DNS:two" }),
    ];
    await relink(authority, "live.pem", one.cert);
    await relink(authority, "live.key", one.key);
    const live = {
      cert: join(authority.folder, "live.pem"),
      key: join(authority.folder, "live.key"),
    };
    const { clock, told, renewal } = await renewalOf(live);
    await look(clock);
    await look(clock);
    expect(told).toEqual([]);
    await relink(authority, "live.pem", two.cert);
    await look(clock);
    await relink(authority, "live.key", two.key);
    await look(clock);
    expect(told).toEqual([]);
    await look(clock);
    expect(told).toEqual(["two"]);
    await look(clock);
    await look(clock);
    expect(told).toEqual(["two"]);
    renewal.stop();
    expect(clock.pending()).toBe(0);
  });

  test("that is broken is told once, and so is the next one", async () => {
    await using authority = await newAuthority();
    const files = await authority.issue("good");
    const whole = await Bun.file(files.cert).text();
    const { clock, told, renewal } = await renewalOf(files);
    await writeFile(files.cert, whole.slice(0, 100));
    for (let i = 0; i < 5; i++) {
      await look(clock);
    }
    expect(told).toEqual([`tls-cert: ${files.cert} holds no certificate in PEM that can be read`]);
    await unlink(files.cert);
    for (let i = 0; i < 5; i++) {
      await look(clock);
    }
    expect(told.slice(1)).toEqual([`tls-cert: ${files.cert} does not exist`]);
    await writeFile(files.cert, whole);
    await look(clock);
    await look(clock);
    expect(told.slice(2)).toEqual(["localhost"]);
    renewal.stop();
  });

  test("that is asked for happens at once, whether or not a file has changed", async () => {
    await using authority = await newAuthority();
    const files = await authority.issue("good");
    const { clock, told, renewal } = await renewalOf(files);
    await renewal.reload();
    await utimes(files.cert, 1, 1);
    await renewal.reload();
    expect(told).toEqual(["localhost", "localhost"]);
    await look(clock);
    await look(clock);
    expect(told).toHaveLength(2);
    renewal.stop();
  });
});
