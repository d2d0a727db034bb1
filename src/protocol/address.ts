/**
 * Where a server is: `HOST:PORT`, a unix socket's path, or a URL that also says what is wanted
 * there.
 */

export const DEFAULT_PORT = 61920;

export const DEFAULT_TLS_PORT = 61922;

export type Address =
  /** A `tls` one is TCP with TLS on it. */
  | { readonly kind: "tcp" | "tls"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What one word on the command line says of server, user, channel and password. */
export interface Target {
  readonly address: Address;
  readonly user: string | undefined;
  readonly channel: string | undefined;
  /** The password of the URL's user part: a broadcaster's own, a watcher's for the channel. */
  readonly password: string | undefined;
}

/** The same of the servers of one cluster. */
export interface Targets extends Omit<Target, "address"> {
  /** Each once, in the order in which they are written. */
  readonly addresses: readonly [Address, ...Address[]];
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string };

/** A bare IPv6 address takes every colon, so a port needs the brackets. A zone may follow a `%`. */
const IPV6 = String.raw`[\da-f]*:[\da-f]*:[\da-f:.]*(?:%[^\s@/[\]]+)?`;
const HOST = String.raw`\[(?<v6>${IPV6})\]|(?<host>[^\s:@/[\]]*)`;
const HOST_AND_PORT = new RegExp(`^(?:(?<bare>${IPV6})|(?:${HOST})(?::(?<port>[^:]*))?)$`, "i");

/** A URL in three pieces: what stands before its host, the host, and what stands behind it. */
const AROUND_HOST = /^(fstreams?:\/\/(?:[^@/?#]*@)?)([^@/?#]*)(.*)$/s;

/** Says nothing of what was written: what stands before the @ may be a password. */
const NO_AT = "an address holds no @: write fstream://USER@HOST:PORT/USER/CHANNEL";

/**
 * Reads `HOST:PORT`, `HOST`, `:PORT`, `[V6]:PORT`, a bare IPv6 address, `unix:PATH`, or a path that
 * begins with `/` or with a dot and a slash. Without a host it is this machine, without a port the
 * default one.
 */
export function readAddress(text: string, kind: "tcp" | "tls" = "tcp"): Parsed<Address> {
  if (/^(?:unix:|\.{0,2}\/)/.test(text)) {
    const path = text.replace(/^unix:/, "");
    if (path === "") {
      return no("a unix socket needs a path after unix:");
    }
    return kind === "tls" ? no("a unix socket speaks no TLS") : yes({ kind: "unix", path });
  }
  if (text.includes("@")) {
    return no(NO_AT);
  }
  const parts = HOST_AND_PORT.exec(text)?.groups;
  if (text === "" || parts === undefined) {
    return no(`"${text}" is no address: write HOST:PORT, [IPV6]:PORT or a socket's path`);
  }
  const port = parts["port"] === undefined ? defaultPort(kind) : readPort(parts["port"]);
  if (port === undefined) {
    return no(`"${text}" has no valid port: it is a number from 1 to 65535`);
  }
  const host = parts["v6"] ?? parts["bare"] ?? parts["host"] ?? "";
  return yes({ kind, host: host === "" ? "127.0.0.1" : host, port });
}

/**
 * Reads what {@link readAddress} reads, and `fstream://[user[:password]@]host:port/user/channel`. TLS
 * is spoken where the URL begins with `fstreams://`, and anywhere where `tls` says so.
 */
export function readTarget(text: string, tls: boolean = false): Parsed<Target> {
  const scheme = /^fstream(s?):\/\//.exec(text);
  const kind = tls || scheme?.[1] === "s" ? "tls" : "tcp";
  if (scheme !== null) {
    return readUrl(text, kind);
  }
  const other = /^([a-z][a-z+.-]*):\/\//i.exec(text)?.[1];
  if (other !== undefined) {
    return no(`${other}:// is not spoken here: write fstream://HOST:PORT/USER/CHANNEL`);
  }
  const address = readAddress(text, kind);
  return address.ok
    ? yes({ address: address.value, user: undefined, channel: undefined, password: undefined })
    : address;
}

/**
 * Reads what {@link readTarget} reads, and where that has one server also several, with commas between
 * them: `HOST:PORT,HOST:PORT`, `fstream://[user[:password]@]host:port,host:port/user/channel`. A comma
 * in a socket's path is written %2C, in a URL.
 */
export function readTargets(text: string, tls: boolean = false): Parsed<Targets> {
  const words = eachServer(text);
  if (!words.ok) {
    return words;
  }
  const [head, ...more] = words.value;
  const first = readTarget(head, tls);
  if (!first.ok) {
    return first;
  }
  const { address, ...rest } = first.value;
  const addresses: [Address, ...Address[]] = [address];
  for (const word of more) {
    const read = readTarget(word, tls);
    if (!read.ok) {
      return read;
    }
    const written = writeAddress(read.value.address);
    if (!addresses.some((known) => writeAddress(known) === written)) {
      addresses.push(read.value.address);
    }
  }
  return yes({ ...rest, addresses });
}

/** Of a list of servers the text that each of them alone would have. */
function eachServer(text: string): Parsed<readonly [string, ...string[]]> {
  if (/,\s*fstreams?:\/\//.test(text)) {
    return no("one URL names all servers: write fstream://HOST:PORT,HOST:PORT/USER/CHANNEL");
  }
  const [, before = "", servers = text, behind = ""] = AROUND_HOST.exec(text) ?? [];
  if (!servers.includes(",")) {
    return yes([text]);
  }
  const isUrl = before !== "";
  if (!isUrl && text.includes("@")) {
    return no(NO_AT);
  }
  const [first = "", ...more] = servers
    .split(",")
    .map((server) => (isUrl ? server : server.trim()));
  if (first === "" || more.includes("")) {
    return no("the list of servers has an empty place: write HOST:PORT,HOST:PORT");
  }
  const whole = (server: string): string => `${before}${server}${behind}`;
  return yes([whole(first), ...more.map(whole)]);
}

/** The address as a person writes it, fit for {@link readTarget}. */
export function writeAddress(address: Address): string {
  if (address.kind === "unix") {
    return `unix:${address.path}`;
  }
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${address.kind === "tls" ? "fstreams://" : ""}${host}:${address.port}`;
}

function defaultPort(kind: "tcp" | "tls"): number {
  return kind === "tls" ? DEFAULT_TLS_PORT : DEFAULT_PORT;
}

/**
 * A URL's parts, each percent-decoded. A host that decodes to a path (`%2Frun%2Ffstream.sock`) is a
 * unix socket. The message never repeats the URL: it may hold a password.
 */
function readUrl(text: string, kind: "tcp" | "tls"): Parsed<Target> {
  const shape = /^fstreams?:\/\/(?:(?<userinfo>[^@/?#]*)@)?(?<host>[^@/?#]*)(?<path>\/[^@?#]*)?$/;
  const parts = shape.exec(text)?.groups;
  if (parts === undefined) {
    return no(
      "the URL is not of the form fstream://[user[:password]@]host:port/user/channel;" +
        " inside a name or password write @ as %40, / as %2F, ? as %3F and # as %23",
    );
  }
  const colon = (parts["userinfo"] ?? "").indexOf(":");
  const [, pathUser, channel, ...more] = (parts["path"] ?? "").split("/").map(decode);
  const login = decode((parts["userinfo"] ?? "").slice(0, colon < 0 ? undefined : colon));
  const password = colon < 0 ? undefined : decode((parts["userinfo"] ?? "").slice(colon + 1));
  const host = decode(parts["host"] ?? "");
  if ([pathUser, channel, login, password, host].includes(null)) {
    return no("the URL holds a % that begins no %XX: write it as %25");
  }
  if (pathUser && login && pathUser !== login) {
    return no(`the URL names two users: ${login} before the @ and ${pathUser} in the path`);
  }
  if (more.length > 0) {
    return no("the URL's path is /user/channel: write a slash inside a name as %2F");
  }
  const address = readAddress(host === "" || host === null ? `:${defaultPort(kind)}` : host, kind);
  if (!address.ok) {
    // What is an address without TLS is a socket's path, and the message names nothing of the URL.
    if (kind === "tls" && readAddress(host ?? "").ok) {
      return address;
    }
    return no("the URL's host is none: write HOST:PORT, the port being 1 to 65535, or [IPV6]:PORT");
  }
  return yes({
    address: address.value,
    user: pathUser || login || undefined,
    channel: channel ?? undefined,
    password: password ?? undefined,
  });
}

function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function yes<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function no(message: string): { ok: false; message: string } {
  return { ok: false, message };
}
