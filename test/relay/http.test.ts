/**
 * HTTP on the media port, as players, scripts and pages speak it: what they get is what was sent, or
 * an answer that says why not.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { refusal } from "../../src/core/errors.ts";
import { secureRelay } from "../support/certificates.ts";
import { proxyLine } from "../support/proxy.ts";
import { relay, type Relay } from "../support/server.ts";
import { admitted, connect, payload, sha256, within, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { film } from "../hub/film.ts";
import { running, sendInStep } from "./streams.ts";

const BROADCAST = "broadcast,user=bob,reply=1";
const FILM = Buffer.concat(film(60, 10, 500));

setDefaultTimeout(60_000);

function portOf({ where }: Relay): number {
  return "port" in where ? where.port : 0;
}

function urlOf(fstream: Relay, path: string): string {
  return `http://127.0.0.1:${portOf(fstream)}${path}`;
}

/** Sends `bytes` in these pieces, and resolves with all that came when the server has closed. */
async function exchange(fstream: Relay, ...pieces: readonly Uint8Array[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  using client = await connect(fstream.where, undefined, {
    onStream: (chunk) => void chunks.push(chunk),
  });
  for (const piece of pieces) {
    await client.send(piece);
  }
  expect(await client.ended()).toBe("end");
  return Buffer.concat(chunks).toString("latin1");
}

function head(path: string, ...lines: readonly string[]): Buffer {
  return Buffer.from([`GET ${path} HTTP/1.1`, "Host: x", ...lines, "", ""].join("\r\n"));
}

/** Runs curl, which must succeed, and returns what it wrote. */
async function curl(...args: readonly string[]): Promise<Buffer> {
  const child = Bun.spawn(["curl", "-sS", ...args], { stdout: "pipe", stderr: "pipe" });
  try {
    const [out, said] = await within(
      Promise.all([new Response(child.stdout).arrayBuffer(), new Response(child.stderr).text()]),
      "the end of curl",
    );
    expect(said).toBe("");
    return Buffer.from(out);
  } finally {
    child.kill();
  }
}

/** A broadcast of a channel that ends with it. */
async function broadcast(fstream: Relay, more = ""): Promise<Client> {
  return admitted(fstream.where, `${BROADCAST}${more}`);
}

/** Waits until the server has let `count` watchers in over HTTP. */
async function watched(fstream: Relay, count = 1): Promise<void> {
  await fstream.log.said(/is watched from 127\.0\.0\.1:\d+ over HTTP$/, count);
}

test("fetch gets the type of the stream, every byte that was sent, and its end", async () => {
  await using fstream = await relay({ linger: "0" });
  const fetched = fetch(urlOf(fstream, "/bob/"));
  await watched(fstream);
  using broadcaster = await broadcast(fstream);
  await broadcaster.send(FILM);
  broadcaster.end();
  const response = await within(fetched, "an answer");
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toEqual({
    "access-control-allow-origin": "*",
    "cache-control": "no-store",
    connection: "close",
    "content-type": "video/x-ivf",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
  });
  expect(sha256(await response.bytes())).toBe(sha256(FILM));
  await fstream.log.said(/bob\/: watcher \S+ over HTTP closed after .*, ended: the broadcast/);
});

test("whoever joins in mid-stream gets the header of the stream, and then whole frames", async () => {
  await using fstream = await relay({ linger: "0" });
  using broadcaster = await broadcast(fstream);
  using beside = await admitted(fstream.where, "watch,user=bob,reply=1");
  const half = FILM.indexOf("DKIF") + 32;
  await sendInStep(broadcaster, FILM.subarray(0, FILM.length - 700), [beside]);
  const response = await within(fetch(urlOf(fstream, "/bob")), "an answer");
  await broadcaster.send(FILM.subarray(FILM.length - 700));
  broadcaster.end();
  const bytes = Buffer.from(await response.bytes());
  expect(bytes.subarray(0, half)).toEqual(FILM.subarray(0, half));
  expect(bytes.length).toBeLessThan(FILM.length);
  expect(FILM.subarray(FILM.length - bytes.length + half)).toEqual(bytes.subarray(half));
});

test.each(["", "?join=live", "?join=raw"])(
  "a stream of no known format that is short is there from its first byte (%s)",
  async (query) => {
    await using fstream = await relay({ linger: "0" });
    const fetched = fetch(urlOf(fstream, `/bob${query}`));
    await watched(fstream);
    using broadcaster = await broadcast(fstream);
    await broadcaster.send(Buffer.from("a few words"));
    broadcaster.end();
    const response = await within(fetched, "an answer");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(await response.text()).toBe("a few words");
  },
);

test("a stream that takes its time to be of no known format loses none of it", async () => {
  await using fstream = await relay({ linger: "0" });
  const fetched = fetch(urlOf(fstream, "/bob"));
  await watched(fstream);
  using broadcaster = await broadcast(fstream);
  using beside = await admitted(fstream.where, "watch,user=bob,reply=1,join=raw");
  const bytes = payload(200_000);
  await sendInStep(broadcaster, bytes, [beside]);
  broadcaster.end();
  const response = await within(fetched, "an answer");
  expect(sha256(await response.bytes())).toBe(sha256(bytes));
});

describeWith("curl", "curl", () => {
  test("writes with join=raw what was sent, byte for byte", async () => {
    await using fstream = await relay({ linger: "0" });
    const fetched = curl(urlOf(fstream, "/bob/a%20b%2Fc?join=raw"));
    await watched(fstream);
    const name = "user=bob,channel=a b/c,reply=1";
    using broadcaster = await admitted(fstream.where, `broadcast,${name}`);
    using beside = await admitted(fstream.where, `watch,${name},join=raw`);
    const bytes = payload(16 * 1024 * 1024);
    await sendInStep(broadcaster, bytes, [beside], 1024 * 1024);
    broadcaster.end();
    expect(sha256(await fetched)).toBe(sha256(bytes));
  });

  test("gets in with the channel's password, in either place, and with no other", async () => {
    await using fstream = await relay();
    using broadcaster = await broadcast(fstream, ",channel-password=ä+b c:d");
    await broadcaster.send(FILM);
    const url = urlOf(fstream, "/bob?wait=0");
    const status = ["-I", "-o", "/dev/null", "-w", "%{http_code}"];
    const tries: [string[], string][] = [
      [[url], "401"],
      [[`${url}&password=x`], "401"],
      [[`${url}&password=%C3%A4%2Bb+c:d`], "200"],
      [["-u", "me:ä+b c:d", url], "200"],
      [["-u", "me:d", url], "401"],
      [["-u", "me:ä+b c:d", `${url}&password=x`], "401"],
    ];
    for (const [args, wanted] of tries) {
      expect(String(await curl(...status, ...args))).toBe(wanted);
    }
    const answer = String(await curl("-i", url));
    expect(answer).toContain('\r\nWWW-Authenticate: Basic realm="fstream", charset="UTF-8"\r\n');
    expect(answer).toEndWith("\r\n\r\nthe channel has another password\n");
    expect(fstream.log.matching(/c:d|password=/)).toEqual([]);
  });

  test("sees a live channel's headers by HEAD, and nothing more", async () => {
    await using fstream = await relay();
    using broadcaster = await broadcast(fstream);
    await broadcaster.send(FILM);
    const answer = String(await curl("-I", urlOf(fstream, "/bob")));
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\nContent-Type: video/x-ivf\r\n");
    await fstream.log.said(/watcher \S+ over HTTP closed .* ended: the head was all/);
    const none = String(await curl("-I", urlOf(fstream, "/bob/x?wait=0")));
    expect(none).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[^]*Content-Length: 24\r\n[^]*\r\n\r\n$/);
  });
});

test("each refusal has its status and one line that says why", async () => {
  await using fstream = await relay(
    { "max-watchers": "2" },
    {
      authenticate: async ({ user }) =>
        user === "nobody"
          ? refusal("not-found", "there is no such user")
          : user === "eve"
            ? refusal("forbidden", "not you")
            : null,
    },
  );
  using beside = await running(fstream.where, "beside");
  using full = await admitted(fstream.where, "broadcast,user=bob,channel=full,reply=1");
  using first = await admitted(fstream.where, "watch,user=bob,channel=full,reply=1");
  using second = await admitted(fstream.where, "watch,user=bob,channel=full,reply=1");
  await full.send(FILM);
  await second.until(FILM.length);
  await first.until(FILM.length);
  const bad = "HTTP/1.1 400 Bad Request";
  const rows: [Buffer, string, string][] = [
    [head("/"), "HTTP/1.1 404 Not Found", "a channel is at /USER/CHANNEL, and a user's"],
    [head("/favicon.ico"), "HTTP/1.1 404 Not Found", "a channel is at /USER/CHANNEL, and a user's"],
    [head("/bob/a/b"), "HTTP/1.1 404 Not Found", "a channel is at /USER/CHANNEL, and a user's"],
    [head("/nobody"), "HTTP/1.1 404 Not Found", "there is no such user"],
    [head("/bob/x?wait=0"), "HTTP/1.1 404 Not Found", "the channel is not live"],
    [head("/eve"), "HTTP/1.1 403 Forbidden", "not you"],
    [head("/.bob"), bad, "a user's name is"],
    [head("/bob/%0a"), bad, "a channel's name is"],
    [head("/bob/%ff"), bad, "the path is not percent-encoded UTF-8"],
    [head("/bob?join=x"), bad, "join is none of"],
    [head("/bob", "Transfer-Encoding: chunked"), bad, "a request to watch has no body"],
    [head("/bob", "Host: y"), bad, "a line of the head is no field"],
    [head("/bob/full"), "HTTP/1.1 503 Service Unavailable", "the channel has all the watchers"],
    [
      Buffer.from("GET /bob HTTP/2.0\r\n\r\n"),
      "HTTP/1.1 505 HTTP Version Not Supported",
      "HTTP is",
    ],
    [
      Buffer.from("POST /bob HTTP/1.1\r\nContent-Length: 3\r\n\r\n"),
      "HTTP/1.1 405",
      "a channel is",
    ],
    [Buffer.from("DELETE /bob HTTP/1.1\n\n"), "HTTP/1.1 405 Method Not Allowed", "a channel is"],
    [
      Buffer.from(`GET /${"x".repeat(8200)}`),
      "HTTP/1.1 431 Request Header",
      "a request's head has",
    ],
  ];
  for (const [request, status, message] of rows) {
    const answer = await exchange(fstream, request);
    const [headers = "", body = ""] = answer.split("\r\n\r\n");
    expect(headers).toStartWith(status);
    expect(body).toStartWith(message);
    expect(headers).toContain(`\r\nContent-Length: ${body.length}\r\n`);
    expect(headers).toContain("\r\nConnection: close\r\n");
    expect(headers).toContain("\r\nAccess-Control-Allow-Origin: *");
    expect(headers.includes("\r\nAllow: GET, HEAD, OPTIONS\r\n")).toBe(status.includes("405"));
    expect(headers.includes("\r\nRetry-After: 5\r\n")).toBe(status.includes("503"));
  }
  expect(await beside.isExact()).toBe(true);
});

test("a head that is not complete in time is answered so", async () => {
  await using fstream = await relay({ "handshake-timeout": "200ms" });
  const answer = await exchange(fstream, Buffer.from("GET /bob HTTP/1.1\r\nHost:"));
  expect(answer).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
  await fstream.log.said(/^warn closed 127\.0\.0\.1:\d+ over HTTP, timeout: /);
});

test("whoever waits is told when the password is another one, and when the server stops", async () => {
  await using fstream = await relay();
  const [a, b] = [fetch(urlOf(fstream, "/bob/a?password=x")), fetch(urlOf(fstream, "/bob/b"))];
  await watched(fstream, 2);
  using _ = await broadcast(fstream, ",channel=a,channel-password=y");
  expect((await within(a, "an answer")).status).toBe(401);
  await fstream.server.stop();
  expect((await within(b, "an answer")).status).toBe(503);
});

test("whoever waits for a format is told when the broadcast ends without a byte", async () => {
  await using fstream = await relay({ linger: "0" });
  using broadcaster = await broadcast(fstream);
  const fetched = fetch(urlOf(fstream, "/bob"));
  await watched(fstream);
  broadcaster.end();
  const response = await within(fetched, "an answer");
  expect([response.status, await response.text()]).toEqual([404, "the broadcast ended\n"]);
});

test("a page of another site may ask whether it may, and is told no where cors is off", async () => {
  const preflight = "OPTIONS /bob HTTP/1.1\r\nHost: x\r\nOrigin: https://example.org\r\n\r\n";
  for (const cors of ["on", "off"] as const) {
    await using fstream = await relay({ cors });
    const answer = await exchange(fstream, Buffer.from(preflight));
    expect(answer).toStartWith("HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, OPTIONS\r\n");
    expect(answer).toEndWith("\r\n\r\n");
    for (const field of ["Origin: *", "Headers: Authorization", "Methods: GET, HEAD\r\n"]) {
      expect(answer.includes(`Access-Control-Allow-${field}`)).toBe(cors === "on");
    }
    await fstream.log.said(/^info closed \S+ over HTTP, ended: the head was all/);
    const none = await exchange(fstream, head("/"));
    expect(none.includes("Access-Control")).toBe(cors === "on");
  }
});

test("a head that comes a byte at a time is as good as any, and so is a proxy's before it", async () => {
  await using fstream = await relay({ linger: "0", "proxy-from": "127.0.0.9" });
  using broadcaster = await broadcast(fstream);
  await broadcaster.send(FILM);
  for (const [from, before, peer] of [
    ["127.0.0.1", "", String.raw`127\.0\.0\.1:\d+`],
    ["127.0.0.9", proxyLine("192.0.2.7", 1234), String.raw`192\.0\.2\.7:1234`],
  ] as const) {
    using client = await connect(fstream.where, undefined, { from });
    for (const byte of Buffer.concat([Buffer.from(before), head("/bob")])) {
      await client.send(Uint8Array.of(byte));
    }
    await fstream.log.said(new RegExp(`bob/ is watched from ${peer} over HTTP`));
    await client.until(FILM.length / 10);
  }
});

test("bytes behind the request are noise, of which a little is forgiven", async () => {
  await using fstream = await relay({ linger: "0" });
  using broadcaster = await broadcast(fstream);
  await broadcaster.send(FILM);
  using quiet = await connect(fstream.where);
  await quiet.send(Buffer.concat([head("/bob"), head("/bob")]));
  await quiet.until(500);
  using loud = await connect(fstream.where);
  await loud.send(head("/bob"));
  await loud.until(500);
  await loud.send(new Uint8Array(100_000)).catch(() => {});
  expect(await loud.ended()).toBe("reset");
  await fstream.log.said(/over HTTP closed .* bad-request: a watcher sent bytes/);
  broadcaster.end();
  expect(await quiet.ended()).toBe("end");
});

test("who may not watch from an address may not by HTTP", async () => {
  await using fstream = await relay({ "deny-watch": "127.0.0.1" });
  const answer = await exchange(fstream, head("/bob"));
  expect(answer).toStartWith("HTTP/1.1 403 Forbidden\r\n");
});

describeWith("openssl", "HTTPS", () => {
  test("fetch gets over TLS what was sent, and answers too", async () => {
    await using fstream = await secureRelay({ linger: "0" });
    const base = `https://127.0.0.1:${fstream.secure.port}`;
    const tls = { ca: fstream.secure.ca };
    const fetched = fetch(`${base}/bob`, { tls });
    await watched(fstream);
    using broadcaster = await broadcast(fstream);
    await broadcaster.send(FILM);
    broadcaster.end();
    const response = await within(fetched, "an answer");
    expect(response.headers.get("content-type")).toBe("video/x-ivf");
    expect(sha256(await response.bytes())).toBe(sha256(FILM));
    expect((await fetch(`${base}/bob?wait=0`, { tls })).status).toBe(404);
  });
});
