/**
 * The head of an HTTP request, however the network cuts it and whatever is wrong with it.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { HTTP_HEAD_MAX_BYTES } from "../../src/core/limits.ts";
import { statusOf, writeAnswer } from "../../src/protocol/http-answer.ts";
import { feedHttp, newHttpHead, type HttpHead } from "../../src/protocol/http.ts";
import { isChannel } from "../../src/protocol/request.ts";
import { anyCuts, anyName, bytesOf, bytewise, cutAt, everySplit } from "./helpers.ts";

const PLAYER = [
  "GET /bob/k%C3%A4se?password=a%2Bb+c&join=live&wait=0 HTTP/1.1",
  "User-Agent: Lavf/59.27.100",
  "Accept: */*",
  "Range: bytes=0-",
  "Connection: close",
  "Host: 127.0.0.1:61920",
  "Icy-MetaData: 1",
  "",
  "",
].join("\r\n");

/** What a head comes to that arrives in these chunks, and how much of them it takes. */
function run(chunks: readonly Uint8Array[]): { head: HttpHead; used: number } {
  const head = newHttpHead();
  const used = chunks.reduce((sum, chunk) => sum + feedHttp(head, chunk), 0);
  return { head, used };
}

function requested(target: string, ...lines: readonly string[]): HttpHead {
  return run([bytesOf([`GET ${target} HTTP/1.1`, ...lines, "", ""].join("\r\n"))]).head;
}

function statusFor(text: string | Uint8Array): number | undefined {
  return run([bytesOf(text)]).head.answer?.status;
}

function basic(text: string | Uint8Array): string {
  return `Authorization: Basic ${bytesOf(text).toString("base64")}`;
}

test("a player's request is a request to watch", () => {
  const { head } = run([bytesOf(PLAYER)]);
  expect(head.request).toEqual({
    verb: "watch",
    user: "bob",
    userPassword: undefined,
    channel: "käse",
    channelPassword: "a+b c",
    reply: true,
    join: "live",
    wait: false,
  });
  expect(head.headOnly).toBe(false);
});

test("wherever it is cut, and byte by byte, it is the same, and what follows it is left", () => {
  const bytes = bytesOf(PLAYER, "GET /");
  const whole = run([bytes]);
  expect(whole.used).toBe(PLAYER.length);
  for (const chunks of [...everySplit(bytes), bytewise(bytes)]) {
    expect(run(chunks)).toEqual(whole);
  }
});

test("lines may end with a bare line feed, and HTTP may be 1.0", () => {
  const text = PLAYER.replaceAll("\r", "").replace("HTTP/1.1", "HTTP/1.0");
  expect(run([bytesOf(text)]).head.request).toEqual(run([bytesOf(PLAYER)]).head.request);
  expect(run([bytesOf("HEAD /bob HTTP/1.0\n\r\n")]).head).toMatchObject({
    headOnly: true,
    request: { user: "bob", channel: "", wait: true, join: undefined, channelPassword: undefined },
  });
});

test.each([
  ["/bob", "bob", ""],
  ["/bob/", "bob", ""],
  ["/bob/a%2Fb", "bob", "a/b"],
  ["/b%6Fb/a+b", "bob", "a+b"],
  ["/bob/\u00e4", "bob", "ä"],
  ["http://host:61920/bob/main", "bob", "main"],
  ["HTTPS://[::1]/bob/main?x=%", "bob", "main"],
])("the target %s names %s and %s", (target, user, channel) => {
  expect(requested(target).request).toMatchObject({ user, channel });
});

test.each([
  ["/bob?password=x", "x"],
  ["/bob?password=x&password=y", "y"],
  ["/bob?password=", ""],
  ["/bob?password", ""],
  ["/bob?&Password=x", undefined],
  ["/bob?password=a=b%26", "a=b&"],
])("the query of %s says the password %s", (target, password) => {
  expect(requested(target).request?.channelPassword).toBe(password);
});

test.each([
  [basic("me:x"), "x"],
  [basic(":ä:y"), "ä:y"],
  [basic("me:x").replace("Basic ", "bASIC   "), "x"],
  ["Authorization: Bearer x", undefined],
])("%s is the password %s", (line, password) => {
  expect(requested("/bob", line).request?.channelPassword).toBe(password);
});

test("a password in the query goes before one that a browser remembers", () => {
  expect(requested("/bob?password=x", basic("me:y")).request?.channelPassword).toBe("x");
});

test.each([
  ["GET / HTTP/1.1\r\n\r\n", 404],
  ["GET // HTTP/1.1\r\n\r\n", 404],
  ["GET /favicon.ico HTTP/1.1\r\n\r\n", 404],
  ["GET /a/b/c HTTP/1.1\r\n\r\n", 404],
  ["GET http://host HTTP/1.1\r\n\r\n", 404],
  ["GET /.. HTTP/1.1\r\n\r\n", 400],
  ["GET /bob/%00 HTTP/1.1\r\n\r\n", 400],
  ["GET /bob/%zz HTTP/1.1\r\n\r\n", 400],
  ["GET /bob/%ff HTTP/1.1\r\n\r\n", 400],
  ["GET /bob?password=%f HTTP/1.1\r\n\r\n", 400],
  ["GET /bob?join=all HTTP/1.1\r\n\r\n", 400],
  ["GET /bob#x HTTP/1.1\r\n\r\n", 400],
  ["GET bob HTTP/1.1\r\n\r\n", 400],
  ["GET * HTTP/1.1\r\n\r\n", 400],
  ["GET /bob\r\n\r\n", 400],
  ["GET  /bob HTTP/1.1\r\n\r\n", 400],
  ["GET /bob HTTP/1.1 \r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nno field\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nA : b\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nA: b\rc\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nA: \0\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400],
  ["GET /bob HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 400],
  ["GET /bob HTTP/1.1\r\nAuthorization: Basic !\r\n\r\n", 400],
  [`GET /bob HTTP/1.1\r\n${basic("no colon")}\r\n\r\n`, 400],
  [`GET /bob HTTP/1.1\r\n${basic(Uint8Array.of(0x3a, 0xff))}\r\n\r\n`, 400],
  ["POST /bob HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 405],
  ["GETTY /bob HTTP/1.1\r\n\r\n", 405],
  ["GET /bob HTTP/2.0\r\n\r\n", 505],
  ["OPTIONS * HTTP/1.1\r\n\r\n", 204],
  ["OPTIONS * RTSP/1.0\r\n\r\n", 400],
])("%p is answered with %i", (text, status) => {
  expect(statusFor(text)).toBe(status);
});

test("Content-Length 0 is no body", () => {
  expect(requested("/bob", "Content-Length: 0").state).toBe("request");
});

test("a head may have 8192 bytes, and not one more", () => {
  const [begin, finish] = ["GET /bob HTTP/1.1\r\nCookie: ", "\r\n\r\n"];
  const room = HTTP_HEAD_MAX_BYTES - begin.length - finish.length;
  expect(run([bytesOf(begin + "x".repeat(room) + finish)]).head.state).toBe("request");
  for (const text of [begin + "x".repeat(room + 1) + finish, "GET /".padEnd(9000, "\n ")]) {
    const { head, used } = run(bytewise(bytesOf(text)));
    expect(head.answer?.status).toBe(431);
    expect(used).toBe(HTTP_HEAD_MAX_BYTES);
  }
});

describe("whatever comes", () => {
  const line = fc.oneof(
    fc.constantFrom("Host: x", "", "\r", "A: b", "Authorization: Basic OmE=", "A:", ": x", " x"),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  const target = fc.oneof(
    fc
      .tuple(anyName, fc.string({ unit: "binary", maxLength: 8 }))
      .map(([user, channel]) => `/${user}/${encodeURIComponent(channel)}?wait=0`),
    fc.constantFrom("/", "/bob?join=raw", "/bob?password=%", "http://x/bob", "*"),
    fc.string({ maxLength: 10 }),
  );
  const method = fc.constantFrom("GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "", "GET /");
  const head = fc
    .tuple(method, target, fc.array(line, { maxLength: 5 }), fc.constantFrom("\r\n", "\n"))
    .map(([verb, path, lines, eol]) =>
      bytesOf([`${verb} ${path} HTTP/1.1`, ...lines, "", ""].join(eol)),
    );
  const mutated = fc
    .tuple(head, fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([bytes, at, byte]) => {
      bytes[at % bytes.length] = byte;
      return bytes;
    });
  const anything = fc.oneof(
    head,
    mutated,
    fc.uint8Array().map((bytes) => bytesOf(bytes)),
  );

  test("it comes to the same end in any chunks, and says a request or a status, never both", () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(anything, anyCuts, (bytes, cuts) => {
        const whole = run([bytes]);
        const { answer, request, state } = whole.head;
        reached.add(state);
        expect(run(cutAt(bytes, cuts))).toMatchObject(whole);
        expect(request !== undefined).toBe(state === "request");
        expect(answer !== undefined).toBe(state === "answer");
        expect(state === "head" || whole.head.held.length === 0).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect([...reached].toSorted()).toEqual(["answer", "head", "request"]);
  });

  test("every channel's name finds its way through a URL", () => {
    const channels = fc.string({ unit: "grapheme", maxLength: 40 }).filter(isChannel);
    fc.assert(
      fc.property(anyName, channels, fc.string({ unit: "grapheme" }), (user, channel, password) => {
        fc.pre(user !== "favicon.ico");
        const query = new URLSearchParams({ password });
        const path = `/${user}/${encodeURIComponent(channel)}?${query.toString()}`;
        expect(requested(path).request).toMatchObject({ user, channel, channelPassword: password });
      }),
    );
  });

  test("no message of an answer ends up among its headers", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (message, headOnly) => {
        const written = writeAnswer(statusOf("forbidden"), message, { cors: true, headOnly });
        const [headers = ""] = Buffer.from(written).toString().split("\r\n\r\n");
        expect(headers.split("\r\n")).toHaveLength(8);
        expect(headers).toStartWith("HTTP/1.1 403 Forbidden\r\n");
      }),
    );
  });
});
