/**
 * The dashboard of a real server, with real broadcasters and watchers; and what a page of another site
 * gets of it.
 */
import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { Admin } from "../../src/admin/admin.ts";
import { openAdmin } from "../support/admin.ts";
import {
  asNode,
  farLinks,
  madeUpCluster,
  madeUpNode,
  ownLinks,
  type MadeUpCluster,
} from "../support/cluster.ts";
import { relay, type Flags, type Relay } from "../support/server.ts";
import { CHROMIUM, openBrowser } from "../support/browser.ts";
import { TEST_MS } from "../support/program.ts";
import { admitted, type Client } from "../support/sockets.ts";
import { describeWith } from "../support/tools.ts";
import { clip } from "../metrics/clip.ts";
import { broadcast } from "./on-air.ts";

const FRAMES = 60;

/** A desktop's window and a phone's. */
const SIZES = [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
];

const STRANGER = new URL("stranger.html", import.meta.url);

interface Stage extends AsyncDisposable {
  readonly media: Relay;
  readonly admin: Admin;
  readonly url: string;
}

async function newStage(flags: Flags = {}, cluster?: MadeUpCluster): Promise<Stage> {
  const media = await relay();
  const far = [["eve", "far"]] as const;
  const server = cluster === undefined ? media.server : asNode(media.server, cluster, far);
  const admin = openAdmin({ server }, flags);
  const [url = ""] = admin.urls;
  return {
    media,
    admin,
    url,
    async [Symbol.asyncDispose]() {
      await admin.stop();
      await media[Symbol.asyncDispose]();
    },
  };
}

interface Show extends Disposable {
  readonly broadcaster: Client;
  readonly watcher: Client;
}

/** A broadcast of bob's, with pictures, and somebody who has them. */
async function show({ media }: Stage, channel: string): Promise<Show> {
  const broadcaster = await admitted(media.where, `broadcast,user=bob,channel=${channel},reply=1`);
  const watcher = await admitted(media.where, `watch,user=bob,channel=${channel},reply=1,join=raw`);
  await broadcaster.send(clip(FRAMES));
  await watcher.until(clip(FRAMES).length);
  return {
    broadcaster,
    watcher,
    [Symbol.dispose]() {
      broadcaster[Symbol.dispose]();
      watcher[Symbol.dispose]();
    },
  };
}

/** What a tab complains of, from now on. */
function complaints(tab: Page): string[] {
  const all: string[] = [];
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      all.push(message.text());
    }
  });
  tab.on("pageerror", (error) => void all.push(error.message));
  return all;
}

describeWith(CHROMIUM, "the dashboard of a real server", () => {
  describeWith("ffmpeg", "with ffmpeg", () => {
    test(
      "shows what goes on air, what it is and who watches, and that its broadcaster has gone",
      async () => {
        await using stage = await newStage();
        await using browser = await openBrowser();
        const tab = await browser.open(stage.url);
        const said = complaints(tab);
        await tab.reload();
        await tab.getByText("Nothing is on air").waitFor();
        await using on = await broadcast(stage, "cam", "h264");
        const row = tab.locator("#channels tr");
        await row.getByText("bob/cam").waitFor();
        await row.getByText("H.264 · 360×200").waitFor();
        await row.getByText("bob/cam").click();
        await tab.getByText("Nobody watches").waitFor();
        using watcher = await admitted(stage.media.where, "watch,user=bob,channel=cam,reply=1");
        await tab.locator("#watchers tr").getByText("127.0.0.1").waitFor();
        await tab.getByText("Nobody watches").waitFor({ state: "hidden" });
        watcher.end();
        await tab.getByText("Nobody watches").waitFor();
        await on.end();
        await tab.locator("#fact-state").getByText("lingering").waitFor();
        expect(said).toEqual([]);
      },
      TEST_MS,
    );
  });

  test(
    "kicks a watcher and ends a broadcast, which is the end of both connections",
    async () => {
      await using stage = await newStage();
      await using browser = await openBrowser();
      using on = await show(stage, "cam");
      const tab = await browser.open(`${stage.url}#/bob/cam`);
      await tab.getByRole("button", { name: /^Kick 127\.0\.0\.1/ }).click();
      await tab.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
      expect(await on.watcher.ended()).toBe("reset");
      await stage.media.log.said(/watcher .* closed by an administrator/);
      await tab.getByRole("button", { name: "End broadcast" }).click();
      await tab.getByRole("dialog").getByRole("button", { name: "End broadcast" }).click();
      await on.broadcaster.ended();
      await stage.media.log.said(/broadcaster .* ended by an administrator/);
    },
    TEST_MS,
  );

  test(
    "asks for the token of the server, and takes no other",
    async () => {
      await using stage = await newStage({ "admin-token": "right" });
      await using browser = await openBrowser();
      using _ = await show(stage, "cam");
      const tab = await browser.open(stage.url);
      await tab.getByLabel("Token", { exact: true }).fill("wrong");
      await tab.keyboard.press("Enter");
      await tab.getByText("That token is wrong").waitFor();
      expect(await tab.getByText("bob/cam").count()).toBe(0);
      await tab.getByLabel("Token", { exact: true }).fill("right");
      await tab.keyboard.press("Enter");
      await tab.getByText("bob/cam").waitFor();
      await tab.locator("[data-connection=live]").waitFor();
    },
    TEST_MS,
  );

  test(
    "goes on by itself when its server has come back",
    async () => {
      await using stage = await newStage();
      await using browser = await openBrowser();
      using _ = await show(stage, "cam");
      const tab = await browser.open(stage.url);
      await tab.getByText("bob/cam").waitFor();
      await stage.admin.stop();
      await tab.getByText("The server does not answer; trying again").waitFor();
      const again = openAdmin(stage.media, { "admin-port": new URL(stage.url).port });
      try {
        await tab.locator("[data-connection=live]").waitFor();
      } finally {
        await again.stop();
      }
    },
    TEST_MS,
  );

  for (const size of SIZES) {
    test(
      `says in ${size.width} pixels which node it is, how the cluster is, and where a channel is owned`,
      async () => {
        const cluster = madeUpCluster();
        await using stage = await newStage({}, cluster);
        await using browser = await openBrowser();
        using _ = await show(stage, "cam");
        cluster.others.push(madeUpNode("n2", { channels: 1 }));
        cluster.links.set("bob/cam", ownLinks([{ node: "n2", lagBytes: 0 }]));
        cluster.links.set("eve/far", farLinks("n2"));
        const tab = await browser.open(stage.url, size);
        const said = complaints(tab);
        await tab.reload();
        const state = tab.locator("#cluster-state");
        await state.getByText("Node n1, one of 2", { exact: true }).waitFor();
        await tab.locator("[data-connection=live]").waitFor();
        const rows = tab.locator("#channels tr");
        await rows.filter({ hasText: "bob/cam" }).getByText("live", { exact: true }).waitFor();
        await rows.filter({ hasText: "eve/far" }).getByText("live, at n2").waitFor();
        await state.click();
        await tab.locator("#cluster-nodes").getByText("1 channel", { exact: true }).waitFor();
        cluster.isConnected = false;
        cluster.others[0] = madeUpNode("n2", { lost: true, heard: 62_000 });
        cluster.others.push(madeUpNode("n3-with-a-long-name.media.example:61920"));
        await state.getByText("Node n1, one of 3, NATS is away, 1 lost").waitFor();
        await tab.locator("#cluster-nodes").getByText("lost, heard 1:02 ago").waitFor();
        const card = (await tab.locator("#cluster .card").boundingBox()) ?? expect.unreachable();
        expect(card.x).toBeGreaterThanOrEqual(0);
        expect(card.x + card.width).toBeLessThanOrEqual(size.width);
        cluster.links.set("eve/far", farLinks("n3-with-a-long-name.media.example:61920"));
        await rows.getByText("live, at n3-with-a-long-name").waitFor();
        expect(await tab.evaluate("document.documentElement.scrollWidth")).toBe(size.width);
        cluster.others.length = 0;
        await tab.getByText("No other node is there").waitFor();
        expect(said).toEqual([]);
      },
      TEST_MS,
    );
  }

  for (const token of ["", "right"]) {
    test(
      `a page of another site learns nothing and changes nothing, token "${token}"`,
      async () => {
        await using stage = await newStage(token === "" ? {} : { "admin-token": token });
        await using browser = await openBrowser();
        using on = await show(stage, "cam");
        using stranger = Bun.serve({
          hostname: "127.0.0.1",
          port: 0,
          fetch: () => new Response(Bun.file(STRANGER)),
        });
        const query = new URLSearchParams({ base: stage.url, token });
        const tab = await browser.open(`${stranger.url.href}?${query.toString()}`);
        await tab.waitForFunction("document.title.startsWith('[')");
        expect(await tab.title()).toBe("[]");
        // Bytes still flow, so nothing has been ended or kicked.
        await on.broadcaster.send(clip(1));
        await on.watcher.until(clip(FRAMES).length + clip(1).length);
      },
      TEST_MS,
    );
  }
});
