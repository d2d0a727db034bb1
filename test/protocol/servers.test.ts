/**
 * Lists of servers: what each means, what is none, and that one server is what it is alone.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readTarget, readTargets, writeAddress, type Address } from "../../src/protocol/address.ts";

const tcp = (host: string, port = 61920): Address => ({ kind: "tcp", host, port });
const unix = (path: string): Address => ({ kind: "unix", path });

/** What `text` says of several servers, in a few words: where, and by whom; or the message. */
function several(text: string, withTls = false): string {
  const read = readTargets(text, withTls);
  if (!read.ok) {
    return read.message;
  }
  const { addresses, user = "-", channel = "-", password = "-" } = read.value;
  return `${addresses.map(writeAddress).join(" | ")} ${user} ${channel} ${password}`;
}

describe("several servers", () => {
  const good: [text: string, meaning: string][] = [
    ["10.0.0.1,10.0.0.2:80,10.0.0.3", "10.0.0.1:61920 | 10.0.0.2:80 | 10.0.0.3:61920 - - -"],
    ["a, b:80 ,\tc", "a:61920 | b:80 | c:61920 - - -"],
    [":80,:81", "127.0.0.1:80 | 127.0.0.1:81 - - -"],
    ["::1,[::2]:80,fe80::1%eth0", "[::1]:61920 | [::2]:80 | [fe80::1%eth0]:61920 - - -"],
    ["/run/a.sock,./b.sock,unix:c,d", "unix:/run/a.sock | unix:./b.sock | unix:c | d:61920 - - -"],
    ["a,b,a:61920,b", "a:61920 | b:61920 - - -"],
    ["a,a", "a:61920 - - -"],
    ["fstream://a,b:80/bob/main", "a:61920 | b:80 bob main -"],
    ["fstream://bob@a,b", "a:61920 | b:61920 bob - -"],
    ["fstream://bob:p,w@a,b:80/bob/main", "a:61920 | b:80 bob main p,w"],
    ["fstream://:80,:81/bob", "127.0.0.1:80 | 127.0.0.1:81 bob - -"],
    ["fstream://[::1]:80,[::2]/bob", "[::1]:80 | [::2]:61920 bob - -"],
    ["fstream://%2Fa%2Cb,c/bob/main", "unix:/a,b | c:61920 bob main -"],
    ["fstream://a,b/bob/x,y", "a:61920 | b:61920 bob x,y -"],
    ["fstreams://a,b:80/bob", "fstreams://a:61922 | fstreams://b:80 bob - -"],
  ];
  test.each(good)("%s", (text, meaning) => {
    expect(several(text)).toBe(meaning);
  });

  test("speak TLS, all of them or none", () => {
    expect(several("a,b:80", true)).toBe("fstreams://a:61922 | fstreams://b:80 - - -");
    expect(several("fstream://a,b/x", true)).toBe("fstreams://a:61922 | fstreams://b:61922 x - -");
    expect(several("a,/run/b.sock", true)).toBe("a unix socket speaks no TLS");
    expect(several("fstreams://a,%2Fb/x")).toBe("a unix socket speaks no TLS");
  });

  test("leave no place of the list empty", () => {
    for (const list of [",", "a,", ",a", "a,,b", "a, ,b"]) {
      expect(several(list)).toBe(
        "the list of servers has an empty place: write HOST:PORT,HOST:PORT",
      );
    }
    for (const hosts of [",", "a,", ",a", "a,,b"]) {
      expect(several(`fstream://bob:pw@${hosts}/bob`)).toContain("has an empty place");
    }
  });

  test("are named by one URL", () => {
    const lists = [
      "fstream://a/bob/main,fstream://b/bob/main",
      "fstream://a,fstream://b",
      "a,fstreams://b/bob",
      "fstreams://bob:pw@a/bob, fstream://bob:pw@b/bob",
    ];
    for (const list of lists) {
      expect(several(list)).toBe(
        "one URL names all servers: write fstream://HOST:PORT,HOST:PORT/USER/CHANNEL",
      );
    }
    expect(several("fstream://bob:pw@a,bob:pw@b/bob")).toContain("write @ as %40");
    expect(several("a,http://b/x")).toContain("http:// is not spoken here");
  });

  test("are each an address", () => {
    expect(several("a,b:0,c")).toBe('"b:0" has no valid port: it is a number from 1 to 65535');
    expect(several("a,b c")).toContain('"b c" is no address');
    expect(several("a,unix:")).toContain("needs a path");
    expect(several("fstream://a,b:x/bob")).toContain("the URL's host is none");
    expect(several("fstream://a,b c/bob")).toContain("the URL's host is none");
  });

  test("may be one, which then is what it is alone", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(...Array.from(":/@[]%?#.-a1 ")) }),
      fc
        .string({ unit: fc.constantFrom(...Array.from(":/@%a1")) })
        .map((rest) => `fstream://${rest}`),
      fc.webUrl().map((url) => url.replace(/^https?/, "fstream")),
    );
    fc.assert(
      fc.property(text, fc.boolean(), (written, withTls) => {
        fc.pre(!written.includes(","));
        const alone = readTarget(written, withTls);
        const read = readTargets(written, withTls);
        if (!alone.ok) {
          expect(read).toEqual({ ok: false, message: alone.message });
          return;
        }
        const { address, ...rest } = alone.value;
        expect(read).toEqual({ ok: true, value: { ...rest, addresses: [address] } });
      }),
      { numRuns: 2000 },
    );
  });

  test("are read back as what was written, each once and in order", () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    const port = fc.integer({ min: 1, max: 65535 });
    const server = fc.oneof(
      fc.tuple(host, port).map((parts) => tcp(...parts)),
      fc.stringMatching(/^\/?[a-z.][a-z./]{0,8}$/).map(unix),
    );
    const servers = fc.uniqueArray(server, { selector: writeAddress, minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(servers, fc.nat(5), (addresses, repeated) => {
        const words = [...addresses, addresses[repeated % addresses.length] ?? tcp("a")];
        const list = words.map(writeAddress);
        expect(readTargets(list.join(","))).toMatchObject({ ok: true, value: { addresses } });
        const hosts = list.map((word) => (word.startsWith("[") ? word : encodeURIComponent(word)));
        const url = `fstream://eve:a,b@${hosts.join(",")}/eve/c`;
        expect(readTargets(url)).toMatchObject({
          ok: true,
          value: { addresses, user: "eve", channel: "c", password: "a,b" },
        });
      }),
      { numRuns: 500 },
    );
  });

  test("repeat no password in a complaint, and make nothing else of one", () => {
    const piece = fc.constantFrom("S3CRET", ",", ", ", "/", "@", ":", "?", "#", "%", "1", " ");
    const password = fc.array(piece, { maxLength: 8 }).map((pieces) => `${pieces.join("")}S3CRET`);
    const before = fc.constantFrom("fstream://", "fstreams://", "fstream:/", "http://", "", "x,");
    const behind = fc.constantFrom("@a,b/bob", "@a,b", "@a:0,b/bob", "@", "@a,,b", "@a,b/bob/c/d");
    fc.assert(
      fc.property(before, password, behind, (scheme, secret, rest) => {
        const read = readTargets(`${scheme}bob:${secret}${rest}`);
        const shown = read.ok ? { ...read.value, password: undefined } : read.message;
        expect(JSON.stringify(shown)).not.toContain("S3CRET");
      }),
      { numRuns: 3000 },
    );
  });
});
