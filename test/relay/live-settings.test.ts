/**
 * Settings that change while the server runs count from the next time that they are asked for.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { relay } from "../support/server.ts";
import { admitted, connect, payload, turnedAway } from "../support/sockets.ts";

const NAME = "user=bob,reply=1";

setDefaultTimeout(60_000);

test("linger, takeover and the cap on connections, under a broadcast that goes on", async () => {
  await using fstream = await relay({ linger: "1h" });
  using broadcaster = await admitted(fstream.where, `broadcast,${NAME}`);
  using watcher = await admitted(fstream.where, `watch,${NAME}`);
  await fstream.apply({ linger: "0", takeover: "refuse", "max-connections": "3" });
  using other = await connect(fstream.where, `broadcast,${NAME}`);
  expect(await other.reply()).toStartWith("error,code=busy");
  expect(await other.ended()).toBe("end");
  await fstream.connected(2);
  await broadcaster.send(payload(1_000));
  await watcher.until(1_000);
  using third = await admitted(fstream.where, `watch,${NAME}`);
  expect(await turnedAway(fstream.where)).toBe("reset");
  await fstream.log.said(/refused a connection: all 3 are taken/);
  broadcaster.end();
  expect(await Promise.all([watcher.ended(), third.ended()])).toEqual(["end", "end"]);
});

test("the time for a handshake, of the connections that come from then on", async () => {
  await using fstream = await relay({ "handshake-timeout": "1m" });
  using patient = await connect(fstream.where);
  await fstream.connected(1);
  await fstream.apply({ "handshake-timeout": "100ms" });
  using hasty = await connect(fstream.where);
  expect(await hasty.ended()).toBe("end");
  await fstream.connected(1);
  patient.destroy();
});
