/**
 * The server's certificate and its key, as files that somebody else renews.
 *
 *     look ──same──► wait ──► look ──other──► wait ──► look ──the same other──► read ──► renewed
 *                                                                                 └──► kept, and said once
 *
 * The files are looked at now and then, not watched: certbot replaces links, others rename, and what
 * a watcher of the file system reports of these differs by system and by folder.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { CERTIFICATE_MAX_BYTES, CERTIFICATE_POLL_MS } from "../core/limits.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its chain, and the key that belongs to it, both in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
  /** Whose it is and until when, and what is wrong with that now. */
  readonly title: string;
  readonly warning: string | undefined;
}

/** Reads both files. Throws an error that says in one line which of them is wrong, and how. */
export async function readPair(files: CertificateFiles, now: Date = new Date()): Promise<Pair> {
  const [cert, key] = [
    await readText("tls-cert", files.cert),
    await readText("tls-key", files.key),
  ];
  const certificate = certificateIn(cert, files.cert);
  if (!certificate.checkPrivateKey(keyIn(key, files.key))) {
    throw new Error(`tls-key: ${files.key} does not belong to the certificate in ${files.cert}`);
  }
  return {
    cert,
    key,
    title: `${nameOf(certificate)}, valid until ${certificate.validTo}`,
    warning: warningOf(certificate, files.cert, now),
  };
}

async function readText(setting: string, path: string): Promise<string> {
  try {
    await using file = await open(path);
    // A device or a pipe might never end.
    const bytes = Buffer.alloc(CERTIFICATE_MAX_BYTES);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new Error(`${setting}: ${path} ${REASONS.get(code) ?? `cannot be read (${code})`}`, {
      cause: error,
    });
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "does not exist"],
  ["EACCES", "may not be read by this user"],
  ["EISDIR", "is a folder"],
]);

function certificateIn(text: string, path: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new Error(`tls-cert: ${path} holds no certificate in PEM that can be read`, {
      cause: error,
    });
  }
}

function keyIn(text: string, path: string): KeyObject {
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new Error(`tls-key: ${path} is locked with a passphrase; the server needs one without`);
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(`tls-key: ${path} holds no private key in PEM that can be read`, {
      cause: error,
    });
  }
}

/** Names from a certificate are a stranger's: only a plain one is shown. */
function nameOf({ subject, subjectAltName }: X509Certificate): string {
  const name = /DNS:([\w*.-]+)/.exec(subjectAltName ?? "") ?? /^CN=([\w*. -]+)$/m.exec(subject);
  return name?.[1] ?? "a certificate without a name";
}

function warningOf(
  { validFrom, validTo }: X509Certificate,
  path: string,
  now: Date,
): string | undefined {
  if (new Date(validTo) < now) {
    return `tls-cert: the certificate in ${path} expired on ${validTo}`;
  }
  return new Date(validFrom) > now
    ? `tls-cert: the certificate in ${path} is not valid before ${validFrom}`
    : undefined;
}

export interface Renewal {
  /** The pair as it was when this began. */
  readonly first: Pair;
  /** Reads the files now, and says what became of it. */
  reload(): Promise<void>;
  stop(): void;
}

export interface RenewalOptions {
  readonly files: CertificateFiles;
  readonly clock: Clock;
  /** Given each new pair that is sound. */
  readonly renewed: (pair: Pair) => void;
  /** Told why a new pair is not used. */
  readonly kept: (why: string) => void;
}

/** Reads the files, throwing as {@link readPair} does, and looks after them from then on. */
export async function newRenewal(options: RenewalOptions): Promise<Renewal> {
  const { files, clock, renewed, kept } = options;
  /** How the files looked when they were last read, and at the last look. */
  let read = await stampOf(files);
  let seen = read;
  const first = await readPair(files);
  let stopped = false;
  let cancel: (() => void) | undefined;

  const load = async (stamp: string): Promise<void> => {
    read = stamp;
    try {
      renewed(await readPair(files));
    } catch (error) {
      kept(messageOf(error));
    }
  };
  const look = async (): Promise<void> => {
    const stamp = await stampOf(files);
    const rested = stamp === seen;
    seen = stamp;
    if (rested && stamp !== read && !stopped) {
      await load(stamp);
    }
    wait();
  };
  const wait = (): void => {
    if (!stopped) {
      cancel = clock.after(CERTIFICATE_POLL_MS, () => void look());
    }
  };
  wait();
  return {
    first,
    async reload() {
      seen = await stampOf(files);
      await load(seen);
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

/** What changes when one of the files does, links followed. */
async function stampOf({ cert, key }: CertificateFiles): Promise<string> {
  const stamps = [cert, key].map(async (path) => {
    const found = await stat(path).catch(() => null);
    return found === null ? "none" : `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs}`;
  });
  return (await Promise.all(stamps)).join("; ");
}
