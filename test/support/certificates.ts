/**
 * An authority and the certificates that it gives, made by openssl. Keys on a curve: they take
 * milliseconds.
 */
import { join } from "node:path";
import type { Authenticator } from "../../src/auth/authenticator.ts";
import { relay, temporaryFolder, type Flags, type Relay } from "./server.ts";

/** The names of a server of the tests. */
const NAMES = "DNS:localhost,IP:127.0.0.1";

export interface Issued {
  /** Where the files are: what tls-cert and tls-key take. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends AsyncDisposable {
  /** Its own certificate: the path of the file, and the PEM in it. */
  readonly path: string;
  readonly ca: string;
  readonly folder: string;
  /** Gives the certificate `name` for `names`, valid for that many days from now on. */
  issue(name: string, options?: { names?: string; days?: number }): Promise<Issued>;
}

export async function newAuthority(): Promise<Authority> {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  await openssl(
    ...`req -x509 -days 2 -subj /CN=authority -keyout ${at("ca.key")} -out ${at("ca.pem")}`.split(
      " ",
    ),
    ...NEW_KEY,
  );
  return {
    folder: folder.path,
    path: at("ca.pem"),
    ca: await Bun.file(at("ca.pem")).text(),
    async issue(name, { names = NAMES, days = 1 } = {}) {
      const [request, cert, key] = [at(`${name}.csr`), at(`${name}.pem`), at(`${name}.key`)];
      await openssl("req", "-subj", `/CN=${name}`, "-keyout", key, "-out", request, ...NEW_KEY);
      await Bun.write(at(`${name}.ext`), `subjectAltName=${names}\n`);
      const by = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
      const what = ["-in", request, "-out", cert, "-extfile", at(`${name}.ext`)];
      await openssl("x509", "-req", "-days", String(days), ...by, ...what);
      return { cert, key };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" ");

async function openssl(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...args], { stdout: "ignore", stderr: "pipe" });
  const said = await child.stderr.text();
  if ((await child.exited) !== 0) {
    throw new Error(`openssl ${args.join(" ")}: ${said}`);
  }
}

export interface SecureRelay extends Relay {
  readonly authority: Authority;
  /** Where it speaks TLS; `where` is the plain port. */
  readonly secure: { readonly port: number; readonly ca: string };
}

/** A server in this process that speaks TLS as well, with a certificate of an authority of its own. */
export async function secureRelay(
  flags: Flags = {},
  authenticator?: Authenticator,
): Promise<SecureRelay> {
  const authority = await newAuthority();
  const { cert, key } = await authority.issue("server");
  const files = { "tls-cert": cert, "tls-key": key, "tls-port": "0" };
  const fstream = await relay({ ...files, ...flags }, authenticator);
  const address = fstream.server.addresses.find((each) => each.kind === "tls");
  return {
    ...fstream,
    authority,
    secure: { port: address?.kind === "tls" ? address.port : 0, ca: authority.ca },
    async [Symbol.asyncDispose]() {
      await fstream[Symbol.asyncDispose]();
      await authority[Symbol.asyncDispose]();
    },
  };
}
