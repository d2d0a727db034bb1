import { expect, test } from "bun:test";
import { spawnSync } from "bun";
import { readdir } from "node:fs/promises";
import { newStage, TEST_MS } from "../support/program.ts";
import { connect, frame, payload, sha256 } from "../support/sockets.ts";

/** Bytes of the disk that is too small. */
const DISK = "1m";

/** Only root may mount, and not in every container. */
function canMount(): boolean {
  const probe = "t=$(mktemp -d) && mount -t tmpfs -o size=64k none $t && umount $t && rmdir $t";
  return spawnSync(["sh", "-c", probe]).exitCode === 0;
}

test.skipIf(!canMount())(
  "a full disk is said once, and watchers see nothing (skipped where no tmpfs can be mounted)",
  async () => {
    await using stage = await newStage();
    const folder = stage.path("disk");
    const mounted = spawnSync([
      "sh",
      "-c",
      `mkdir "$0" && mount -t tmpfs -o size=${DISK} none "$0"`,
      folder,
    ]);
    expect(mounted.exitCode).toBe(0);
    try {
      const server = await stage.serve({ users: { bob: null }, flags: ["--record", folder] });
      using watcher = await connect(server);
      await watcher.send(frame("watch,user=bob"));
      await server.said.line(/is watched/);
      using sender = await connect(server);
      await sender.send(frame("broadcast,user=bob"));
      const bytes = payload(4_000_000);
      await sender.send(bytes);
      await watcher.until(bytes.length);
      expect(watcher.digest()).toBe(sha256(bytes));
      expect(await server.said.line(/recording failed/)).toContain("ENOSPC");
      server.kill("SIGTERM");
      expect(await server.exited()).toBe(0);
      expect(server.said.text().match(/recording failed/g)).toHaveLength(1);
      const files = await readdir(`${folder}/bob/_`);
      expect(files).toEqual([expect.stringMatching(/Z\.cut\.bin$/)]);
    } finally {
      spawnSync(["umount", "-l", folder]);
    }
  },
  TEST_MS,
);
