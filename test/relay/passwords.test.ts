/**
 * The time that a check takes: the socket is paused meanwhile, and no byte is lost.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { gate } from "../../src/auth/gate.ts";
import { hashPassword } from "../../src/auth/password.ts";
import { usersFolder } from "../../src/auth/users.ts";
import type { Refusal } from "../../src/core/errors.ts";
import { systemClock } from "../../src/server/clock.ts";
import { eventually, relay, temporaryFolder } from "../support/server.ts";
import { connect, frame, payload, sha256 } from "../support/sockets.ts";
import { running } from "./streams.ts";

const MIB = 1024 * 1024;

setDefaultTimeout(60_000);

test("twenty broadcasters of a user with a hash come at once and each loses no byte", async () => {
  await using folder = await temporaryFolder();
  const hash = await hashPassword("s3cret");
  await Bun.write(join(folder.path, "bob.ini"), `[DEFAULT]\npassword-hash=${hash}\n`);
  const users = usersFolder({ folder: folder.path, onProblem: () => {} });
  const checked = gate(users, { clock: systemClock, onProblem: () => {} });
  await using fstream = await relay({ linger: "0" }, checked);
  const channels = Array.from({ length: 20 }, (_, index) => {
    return { name: `user=bob,channel=${index}`, bytes: payload(MIB + index) };
  });
  const watchers = await Promise.all(
    channels.map(({ name }) => connect(fstream.where, `watch,${name}`)),
  );
  await fstream.log.said(/is watched/, channels.length);
  await Promise.all(
    channels.map(async ({ name, bytes }) => {
      const broadcaster = await connect(fstream.where);
      const request = frame(`broadcast,${name},user-password=s3cret`);
      await broadcaster.send(Buffer.concat([request, bytes]));
      broadcaster.end();
    }),
  );
  expect(await Promise.all(watchers.map((watcher) => watcher.ended()))).toEqual(
    watchers.map(() => "end"),
  );
  expect(watchers.map((watcher) => watcher.digest())).toEqual(
    channels.map(({ bytes }) => sha256(bytes)),
  );
});

test("nothing is read from a broadcaster while it is checked, and then everything is", async () => {
  const verdict = Promise.withResolvers<Refusal | null>();
  const asked = Promise.withResolvers<void>();
  await using fstream = await relay(
    { linger: "0", window: "64MiB" },
    {
      authenticate(request) {
        if (request.channel !== "checked" || request.verb === "watch") {
          return Promise.resolve(null);
        }
        asked.resolve();
        return verdict.promise;
      },
    },
  );
  using watcher = await connect(fstream.where, "watch,user=bob,channel=checked");
  await fstream.log.said(/is watched/);
  using broadcaster = await connect(fstream.where);
  // More than the kernel holds for both sides, and less than a ring.
  const bytes = payload(24 * MIB);
  const request = frame("broadcast,user=bob,channel=checked");
  const sending = broadcaster.send(Buffer.concat([request, bytes])).then(() => broadcaster.end());
  await asked.promise;
  // Others go on, and there is time for a server that does read to read it all.
  using beside = await running(fstream.where, "beside");
  await Bun.sleep(300);
  expect(await beside.isExact()).toBe(true);
  expect(Bun.peek.status(sending)).toBe("pending");
  verdict.resolve(null);
  await sending;
  expect(await watcher.ended()).toBe("end");
  expect(watcher.digest()).toBe(sha256(bytes));
});

test("a peer that leaves while it is being checked is forgotten, whatever the answer", async () => {
  const verdict = Promise.withResolvers<Refusal | null>();
  let asked = 0;
  await using fstream = await relay(
    {},
    {
      authenticate({ user }) {
        asked++;
        return user === "bob" ? verdict.promise : Promise.resolve(null);
      },
    },
  );
  const leavers = await Promise.all(
    ["watch,user=bob", "broadcast,user=bob", "broadcast,user=bob,reply=1"].map((request) =>
      connect(fstream.where, request),
    ),
  );
  using other = await connect(fstream.where, "broadcast,user=eve,reply=1");
  expect(await other.reply()).toBe("ok");
  await eventually(() => asked === 4, "all to have asked");
  leavers.forEach((client) => client.destroy());
  await fstream.log.said(/closed .* reset/, 3);
  verdict.resolve(null);
  using watcher = await connect(fstream.where, "watch,user=eve,reply=1");
  expect(await watcher.reply()).toBe("ok");
  await fstream.connected(2);
  expect(fstream.log.matching(/bob.* is (?:live|watched)/)).toEqual([]);
});

test("an authenticator that rejects costs its own connection alone", async () => {
  await using fstream = await relay(
    {},
    {
      authenticate: ({ user }) =>
        user === "bob" ? Promise.resolve(null) : Promise.reject(new Error("no database")),
    },
  );
  using beside = await running(fstream.where, "beside");
  using client = await connect(fstream.where, "watch,user=eve,reply=1");
  expect(await client.ended()).not.toBe("own");
  await fstream.log.said(/no database/);
  expect(await beside.isExact()).toBe(true);
});
