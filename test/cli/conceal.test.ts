/**
 * Where secrets stand on a command line.
 */
import { expect, test } from "bun:test";
import { secretsIn } from "../../src/cli/conceal.ts";

/** The words with a star for each character of a secret. */
function concealed(...words: string[]): string[] {
  return words.map((word, i) =>
    secretsIn(word, words[i - 1] ?? "").reduce(
      (text, [from, to]) => text.slice(0, from) + "*".repeat(to - from) + text.slice(to),
      word,
    ),
  );
}

test("flags with their values, in one word and in two", () => {
  expect(concealed("--user-password=a=b", "--channel-password", "--x", "-u", "bob")).toEqual([
    "--user-password=***",
    "--channel-password",
    "***",
    "-u",
    "bob",
  ]);
});

test("URLs, up to the last @ before the host", () => {
  expect(concealed("fstream://bob:p@:w@host:1/bob/cam@x", "fstreams://:s@[::1]/")).toEqual([
    "fstream://bob:****@host:1/bob/cam@x",
    "fstreams://:*@[::1]/",
  ]);
});

test("the requests of the Python program's form", () => {
  expect(
    concealed("localhost:1", "broadcast,user=bob,user-password=123,channel-password=4,reply=1"),
  ).toEqual(["localhost:1", "broadcast,user=bob,user-password=***,channel-password=*,reply=1"]);
});

test("who one is to each server of NATS, in one word and in two", () => {
  const servers = "nats://bob:s@a:1,tls://token@b,nats://c";
  const hidden = "nats://*****@a:1,tls://*****@b,nats://c";
  expect(concealed("--cluster", servers, `--cluster=${servers}`)).toEqual([
    "--cluster",
    hidden,
    `--cluster=${hidden}`,
  ]);
});

test("nothing else", () => {
  const words = ["watch", "host:1", "fstream://bob@host/bob", "--user-password-file", "path"];
  expect(concealed(...words)).toEqual(words);
});
