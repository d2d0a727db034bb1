/**
 * Addresses and URLs: what each means, what is none, and that no password shows in a complaint.
 */
import { describe, expect, test } from "bun:test";
import { isIPv6 } from "node:net";
import * as fc from "fast-check";
import {
  readAddress,
  readTarget,
  writeAddress,
  type Address,
  type Target,
} from "../../src/protocol/address.ts";

/** What `text` says, or the message that says why it says nothing. */
function target(text: string): Target | string {
  const read = readTarget(text);
  return read.ok ? read.value : read.message;
}

/** What `text` says in a few words: where, and by whom. */
function brief(text: string): string {
  const read = target(text);
  if (typeof read === "string") {
    return read;
  }
  const { user = "-", channel = "-", password = "-" } = read;
  return `${writeAddress(read.address)} ${user} ${channel} ${password}`;
}

const tcp = (host: string, port = 61920): Address => ({ kind: "tcp", host, port });
const tls = (host: string, port: number): Address => ({ kind: "tls", host, port });
const unix = (path: string): Address => ({ kind: "unix", path });

describe("an address", () => {
  const good: [text: string, address: Address][] = [
    ["example.com:80", tcp("example.com", 80)],
    ["127.0.0.1:65535", tcp("127.0.0.1", 65535)],
    ["example.com:1", tcp("example.com", 1)],
    ["example.com", tcp("example.com")],
    ["localhost", tcp("localhost")],
    ["пример.рф:80", tcp("пример.рф", 80)],
    [":8000", tcp("127.0.0.1", 8000)],
    ["[::1]:80", tcp("::1", 80)],
    ["[::1]", tcp("::1")],
    ["[FE80::1%eth0]:80", tcp("FE80::1%eth0", 80)],
    ["::1", tcp("::1")],
    ["::", tcp("::")],
    ["2001:db8::8000", tcp("2001:db8::8000")],
    ["::ffff:192.0.2.1", tcp("::ffff:192.0.2.1")],
    ["fe80::1%eth0", tcp("fe80::1%eth0")],
    ["/run/fstream.sock", unix("/run/fstream.sock")],
    ["./relay.sock", unix("./relay.sock")],
    ["../relay.sock", unix("../relay.sock")],
    ["unix:relay.sock", unix("relay.sock")],
    ["unix:/run/a:80 b@c", unix("/run/a:80 b@c")],
    ["unix:unix:x", unix("unix:x")],
  ];
  test.each(good)("%s", (text, address) => {
    expect(readAddress(text)).toEqual({ ok: true, value: address });
    const rest = { user: undefined, channel: undefined, password: undefined };
    expect(target(text)).toEqual({ address, ...rest });
  });

  const badPorts = [
    "0",
    "65536",
    "99999",
    "100000",
    "",
    "x",
    "-1",
    "+1",
    "1.5",
    "0x50",
    " 80",
    "80 ",
  ];
  test.each(badPorts)("has no port %j", (port) => {
    for (const host of ["example.com", "[::1]", ""]) {
      expect(target(`${host}:${port}`)).toBe(
        `"${host}:${port}" has no valid port: it is a number from 1 to 65535`,
      );
    }
  });

  const bad = [
    "",
    "a b",
    "host/bob",
    "host:80:90",
    "[::1",
    "::1]",
    "[localhost]:80",
    "[]",
    "[]:80",
  ];
  const worse = ["[1.2.3.4]", "[::1]80", "[::1]x:80", "a[::1]:80", "[[::1]]", "host\n", "\t"];
  test.each([...bad, ...worse])("is not %j", (text) => {
    expect(target(text)).toBe(
      `"${text}" is no address: write HOST:PORT, [IPV6]:PORT or a socket's path`,
    );
  });

  test("speaks TLS where that is said, on a port of its own", () => {
    for (const [text, address] of [
      ["example.com", tls("example.com", 61922)],
      ["example.com:80", tls("example.com", 80)],
      ["::1", tls("::1", 61922)],
      ["fstream://bob:pw@example.com", tls("example.com", 61922)],
      ["fstreams://bob:pw@example.com:80", tls("example.com", 80)],
    ] as const) {
      expect(readTarget(text, true)).toMatchObject({ ok: true, value: { address } });
    }
    for (const path of ["/run/a.sock", "unix:a.sock", "fstream://bob:pw@%2Frun%2Fa.sock/bob"]) {
      const message = "a unix socket speaks no TLS";
      expect(readTarget(path, true)).toEqual({ ok: false, message });
    }
    expect(readTarget("fstreams://bob:pw@h:0/bob")).toMatchObject({ ok: false });
  });

  test("needs a path after unix:", () => {
    expect(target("unix:")).toContain("needs a path");
  });

  test("is of no other scheme, whose name is told and nothing else", () => {
    for (const scheme of ["http", "rtmp", "fstreamss", "FSTREAM", "svn+ssh"]) {
      expect(target(`${scheme}://bob:s3cret@host/x`)).toBe(
        `${scheme}:// is not spoken here: write fstream://HOST:PORT/USER/CHANNEL`,
      );
    }
  });

  test("may be any IPv6 address, bare or in brackets", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 1, max: 65535 }), (host, port) => {
        expect(isIPv6(host)).toBe(true);
        expect(readAddress(host)).toEqual({ ok: true, value: tcp(host) });
        expect(readAddress(`[${host}]:${port}`)).toEqual({ ok: true, value: tcp(host, port) });
      }),
    );
  });

  test("is read back as what was written", () => {
    // A host called unix cannot be written with its port: unix: begins a socket's path.
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    const port = fc.integer({ min: 1, max: 65535 });
    const path = fc.string({ unit: "binary", minLength: 1 });
    const address = fc.oneof(
      fc.tuple(host, port).map((parts) => tcp(...parts)),
      path.map(unix),
    );
    fc.assert(
      fc.property(address, (value) => {
        expect(readAddress(writeAddress(value))).toEqual({ ok: true, value });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a URL", () => {
  const good: [url: string, meaning: string][] = [
    ["fstream://", "127.0.0.1:61920 - - -"],
    ["fstream:///bob", "127.0.0.1:61920 bob - -"],
    ["fstream://example.com", "example.com:61920 - - -"],
    ["fstream://example.com/", "example.com:61920 - - -"],
    ["fstream://example.com:80/bob", "example.com:80 bob - -"],
    ["fstream://example.com:80/bob/main", "example.com:80 bob main -"],
    ["fstream://:80/bob/main", "127.0.0.1:80 bob main -"],
    ["fstream://bob@example.com", "example.com:61920 bob - -"],
    ["fstream://bob@example.com//main", "example.com:61920 bob main -"],
    ["fstream://bob:pw@example.com/bob/main", "example.com:61920 bob main pw"],
    ["fstream://:pw@example.com/bob/main", "example.com:61920 bob main pw"],
    ["fstream://bob:a:b:@example.com", "example.com:61920 bob - a:b:"],
    ["fstream://bob:!$&'()*+,;=~%25@example.com", "example.com:61920 bob - !$&'()*+,;=~%"],
    ["fstream://bob:%40%2F%3F%23%3A%C3%A9@example.com", "example.com:61920 bob - @/?#:é"],
    ["fstream://bob:a+b%20c@example.com", "example.com:61920 bob - a+b c"],
    ["fstream://[::1]:80/bob", "[::1]:80 bob - -"],
    ["fstream://[fe80::1%25eth0]/bob", "[fe80::1%eth0]:61920 bob - -"],
    ["fstream://%2Frun%2Ffstream.sock/bob/main", "unix:/run/fstream.sock bob main -"],
    ["fstream://bob:pw@%2Frun%2Fa.sock/bob", "unix:/run/a.sock bob - pw"],
    ["fstream://unix%3Arelay.sock/bob", "unix:relay.sock bob - -"],
    ["fstream://host/b%6Fb/a%2Fb%25%20%40", "host:61920 bob a/b% @ -"],
    ["fstream://host/bob/a:b=c", "host:61920 bob a:b=c -"],
    ["fstreams://", "fstreams://127.0.0.1:61922 - - -"],
    ["fstreams://bob:pw@example.com/bob/main", "fstreams://example.com:61922 bob main pw"],
    ["fstreams://[::1]:80/bob", "fstreams://[::1]:80 bob - -"],
  ];
  test.each(good)("%s", (url, meaning) => {
    expect(brief(url)).toBe(meaning);
  });

  test("tells an empty channel or password from none", () => {
    expect(target("fstream://bob:@host/bob/")).toMatchObject({ channel: "", password: "" });
    const none = { channel: undefined, password: undefined };
    expect(target("fstream://bob@host/bob")).toMatchObject(none);
  });

  test("does not name two users, and may name one twice", () => {
    expect(target("fstream://eve:pw@host/bob")).toBe(
      "the URL names two users: eve before the @ and bob in the path",
    );
    expect(target("fstream://b%6Fb:pw@host/bob")).toMatchObject({ user: "bob" });
  });

  test("has two parts in its path at most", () => {
    for (const path of ["bob/a/b", "bob/a/", "bob//", "bob/a/%"]) {
      expect(target(`fstream://host/${path}`)).toContain("write a slash inside a name as %2F");
    }
  });

  test("has no % that begins nothing, in any of its parts", () => {
    const parts = ["fstream://b%@h/", "fstream://b:%g0@h/", "fstream://h%2/", "fstream://h/%"];
    for (const url of [...parts, "fstream://h/bob/%FF", "fstream://b:100%@h"]) {
      expect(target(url)).toContain("write it as %25");
    }
  });

  test("has no query, no fragment, and no second @", () => {
    const urls = ["h/bob?x", "h/bob#x", "h?x", "a@b@h", "a@b:c@h/bob", "h/bob@home", "b:p/w@h/bob"];
    for (const url of urls) {
      expect(target(`fstream://${url}`)).toContain("write @ as %40");
    }
  });

  test("has a host that is an address of its own", () => {
    for (const host of [
      "h:0",
      "h:x",
      "h:1:2",
      "[::1",
      "[h]:1",
      "a%20b",
      "bob:pw",
      "a%40h",
      "unix:",
    ]) {
      expect(target(`fstream://${host}/bob`)).toContain("the URL's host is none");
    }
  });

  test("holds any password that is written with percent signs", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (pass, channel) => {
        const encoded = [pass, channel].map(encodeURIComponent);
        expect(target(`fstream://bob:${encoded[0]}@host/bob/${encoded[1]}`)).toEqual({
          address: tcp("host"),
          user: "bob",
          channel,
          password: pass,
        });
      }),
      { numRuns: 500 },
    );
  });
});

test("no complaint repeats a password, and no part of one becomes something else", () => {
  const special = fc.constantFrom(
    "",
    "/",
    "//",
    "@",
    ":",
    "?",
    "#",
    "%",
    "%2F",
    "[",
    "]",
    " ",
    "1/",
  );
  const before = fc.constantFrom(
    "fstream://",
    "fstream:/",
    "fstream:",
    "http://",
    "//",
    "",
    "FStream://",
  );
  const behind = fc.constantFrom(
    "@host/bob",
    "@host",
    "@host:0/bob",
    "@",
    "@/eve",
    "@h/b/c/d",
    "@[::1",
  );
  fc.assert(
    fc.property(before, special, special, behind, (scheme, one, two, rest) => {
      const read = target(`${scheme}bob:${one}S3CRET${two}S3CRET${rest}`);
      if (typeof read === "string") {
        expect(read).not.toContain("S3CRET");
      } else {
        const elsewhere = { ...read, password: undefined };
        // A path of the file system may hold anything: it is no URL.
        expect(JSON.stringify(elsewhere).includes("S3CRET")).toBe(read.address.kind === "unix");
        expect(scheme === "//").toBe(read.address.kind === "unix");
      }
    }),
    { numRuns: 3000 },
  );
});
