/**
 * User files that are in the way, half written, or gone: nobody gets in who may not, nobody who is in
 * notices, and it is over as soon as the files are right again.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { open, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { running } from "../relay/streams.ts";
import { serverProcess, temporaryFolder, type ServerProcess } from "../support/server.ts";
import { connect } from "../support/sockets.ts";

const OPEN = "[DEFAULT]\n";

setDefaultTimeout(60_000);

interface Place extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly users: string;
  /** What the server answers to a request that asks for a reply: "ok" or a code. */
  readonly answer: (request: string) => Promise<string>;
}

async function place(): Promise<Place> {
  const folder = await temporaryFolder();
  const users = join(folder.path, "users");
  await Bun.write(join(users, "bob.ini"), OPEN);
  const server = await serverProcess({ users });
  return {
    server,
    users,
    answer: async (request) => {
      using client = await connect(server.where, `${request},reply=1`, { replies: 1 });
      const reply = await client.reply();
      return /^error,code=([^,]+)/.exec(reply)?.[1] ?? reply;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("a users folder that cannot be read lets no broadcaster in, until it can be read", async () => {
  await using here = await place();
  const { answer, server, users } = here;
  using beside = await running(server.where, "beside");
  await rename(users, `${users}.away`);
  await Bun.write(users, "a file is in its place");
  expect(await answer("broadcast,user=bob,channel=x")).toBe("unauthorized");
  await server.log.said(/refused broadcast by bob .*: bob\.ini cannot be used: ENOTDIR/);
  await rm(users);
  expect(await answer("broadcast,user=bob,channel=x")).toBe("unauthorized");
  expect(await answer("watch,user=bob,channel=beside")).toBe("not-found");
  await rename(`${users}.away`, users);
  expect(await answer("broadcast,user=bob,channel=x")).toBe("ok");
  expect(await answer("watch,user=bob,channel=beside")).toBe("ok");
  expect(await beside.isExact()).toBe(true);
});

test("a folder in the place of a user's file lets nobody broadcast", async () => {
  await using here = await place();
  await Bun.write(join(here.users, "eve.ini", "file"), OPEN);
  expect(await here.answer("broadcast,user=eve")).toBe("unauthorized");
  await here.server.log.said(/eve\.ini cannot be used: it is no regular file/);
});

test.each([
  ["a half of its section", "[DEFA"],
  ["a half of its key", "[DEFAULT]\npassw"],
  ["a half of its hash", "[DEFAULT]\npassword-hash=$argon2"],
  ["bytes that are no text", "[DEFAULT]\npassword=\xff"],
])("a user's file that ends with %s lets nobody broadcast", async (_, text) => {
  await using here = await place();
  await Bun.write(join(here.users, "eve.ini"), Buffer.from(text, "latin1"));
  expect(await here.answer("broadcast,user=eve,user-password=x")).toBe("unauthorized");
  await here.server.log.said(/eve\.ini cannot be used: /);
});

test("a password that is written anew again and again is never an open door", async () => {
  await using here = await place();
  const path = join(here.users, "eve.ini");
  await Bun.write(path, `${OPEN}password=right\n`);
  const done = new AbortController();
  const rewrite = async (): Promise<number> => {
    let times = 0;
    for (; !done.signal.aborted; times++) {
      // As an editor does it: the file is emptied first, and for a moment it names no password.
      await using file = await open(path, "w");
      await file.write(OPEN);
      await Bun.sleep(5);
      await file.write("password=right\n");
    }
    return times;
  };
  const rewriting = rewrite();
  // Few attempts, for each one that fails slows the next.
  const answers = new Set<string>();
  for (let attempt = 0; attempt < 4; attempt++) {
    answers.add(await here.answer("broadcast,user=eve,user-password=wrong"));
  }
  done.abort();
  expect([...answers]).toEqual(["unauthorized"]);
  expect(await rewriting).toBeGreaterThan(1);
  expect(await here.answer("broadcast,user=eve,user-password=right")).toBe("ok");
});

test("a user whose file is removed stays on air, and cannot come again", async () => {
  await using here = await place();
  const { answer, server, users } = here;
  using beside = await running(server.where, "beside");
  await unlink(join(users, "bob.ini"));
  expect(await answer("watch,user=bob,channel=beside")).toBe("not-found");
  expect(await answer("broadcast,user=bob,channel=beside")).toBe("unauthorized");
  expect(await beside.isExact()).toBe(true);
});
