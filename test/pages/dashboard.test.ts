import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser } from "../support/browser.ts";
import { farLinks, ownLinks } from "../support/cluster.ts";
import { TEST_MS } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";
import { madeUpChannel, madeUpWatcher, standIn } from "./stand-in.ts";

describeWith(CHROMIUM, "the dashboard", () => {
  test(
    "shows a channel that goes live, its figures as they change, and nothing when it has ended",
    async () => {
      await using server = standIn();
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByText("Nothing is on air").waitFor();
      server.channels.push(madeUpChannel("fier", "screen"));
      server.tick();
      const row = tab.locator("#channels tr");
      await row.getByText("fier/screen").waitFor();
      await row.getByText("H.264 · 1280×720").waitFor();
      server.channels[0] = { ...madeUpChannel("fier", "screen"), watchers: 4321 };
      server.tick();
      await row.getByText("4,321").waitFor();
      server.channels.pop();
      server.tick();
      await row.waitFor({ state: "detached" });
      await tab.getByText("Nothing is on air").waitFor();
    },
    TEST_MS,
  );

  test(
    "kicks and ends after a yes, and not without",
    async () => {
      await using server = standIn();
      server.channels.push(madeUpChannel("fier", "a/b #1"));
      server.watchers.push(madeUpWatcher("fier", "a/b #1", 7));
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByText("fier/a/b #1").click();
      await tab.getByRole("button", { name: "Kick 192.0.2.7" }).click();
      await tab.getByRole("button", { name: "Cancel" }).click();
      await tab.getByRole("button", { name: "End broadcast" }).click();
      await tab.keyboard.press("Escape");
      expect(server.deleted).toEqual([]);
      await tab.getByRole("button", { name: "Kick 192.0.2.7" }).click();
      await tab.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
      await tab.getByText("has been kicked").waitFor();
      await tab.getByRole("button", { name: "End broadcast" }).click();
      await tab.getByRole("dialog").getByRole("button", { name: "End broadcast" }).click();
      await tab.getByText("has been ended").waitFor();
      expect(server.deleted).toEqual(["1 /api/watchers/w7", "1 /api/channels/fier/a%2Fb%20%231"]);
    },
    TEST_MS,
  );

  test(
    "asks for the token, says of a wrong one that it is wrong, and keeps the right one",
    async () => {
      await using server = standIn("secret");
      server.channels.push(madeUpChannel("fier", "screen"));
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByLabel("Token", { exact: true }).fill("guess");
      await tab.keyboard.press("Enter");
      await tab.getByText("That token is wrong").waitFor();
      expect(await tab.locator("#channels tr").count()).toBe(0);
      await tab.getByLabel("Token", { exact: true }).fill("secret");
      await tab.keyboard.press("Enter");
      await tab.getByText("fier/screen").waitFor();
      await tab.locator("[data-connection=live]").waitFor();
      await tab.reload();
      await tab.getByText("fier/screen").waitFor();
      expect(await tab.getByRole("dialog").count()).toBe(0);
    },
    TEST_MS,
  );

  test(
    "says when the server is gone, and goes on by itself when it is back",
    async () => {
      const first = standIn();
      first.channels.push(madeUpChannel("fier", "before"));
      await using browser = await openBrowser();
      const tab = await browser.open(first.url);
      await tab.getByText("fier/before").waitFor();
      await tab.locator("[data-connection=live]").waitFor();
      await first[Symbol.asyncDispose]();
      await tab.getByText("The server does not answer; trying again").waitFor();
      await using second = standIn("", Number(new URL(first.url).port));
      second.channels.push(madeUpChannel("fier", "after"));
      await tab.getByText("fier/after").waitFor();
      await tab.locator("[data-connection=live]").waitFor();
    },
    TEST_MS,
  );

  test(
    "is used by keyboard alone",
    async () => {
      await using server = standIn();
      server.channels.push(madeUpChannel("fier", "one"), madeUpChannel("fier", "two"));
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByText("fier/two").waitFor();
      await tab.keyboard.press("/");
      await tab.keyboard.type("two");
      await tab.getByText("fier/one").waitFor({ state: "detached" });
      await tab.keyboard.press("Escape");
      await tab.getByText("fier/one").waitFor();
      await tab.getByRole("link", { name: "fier/one", exact: true }).focus();
      await tab.keyboard.press("ArrowDown");
      // The focused row moves to the front, and stays focused.
      server.channels.reverse();
      server.tick();
      await tab.locator("#channels tr:first-child").getByText("fier/two").waitFor();
      await tab.keyboard.press("Enter");
      await tab.getByRole("heading", { name: "fier/two" }).waitFor();
      await tab.keyboard.press("Escape");
      await tab.getByRole("heading", { name: "Channels" }).waitFor();
    },
    TEST_MS,
  );

  test(
    "says nothing of a cluster where there is none",
    async () => {
      await using server = standIn();
      server.channels.push(madeUpChannel("fier", "screen"));
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.locator("#channels tr").getByText("live", { exact: true }).waitFor();
      expect(await tab.locator("#cluster").isVisible()).toBe(false);
      await tab.getByText("fier/screen").click();
      await tab.locator("#fact-state").getByText("live", { exact: true }).waitFor();
      expect(await tab.locator("#facts-cluster").isVisible()).toBe(false);
    },
    TEST_MS,
  );

  test(
    "names the node of a channel where it is another one, and says how its bytes go",
    async () => {
      await using server = standIn();
      const screen = madeUpChannel("fier", "screen");
      server.channels.push(screen);
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      const state = tab.locator("#channels .state");
      const links = tab.locator("#fact-links");
      const become = (changes: object): void => {
        server.channels[0] = { ...screen, ...changes };
        server.tick();
      };
      become({ cluster: ownLinks() });
      await state.getByText("live", { exact: true }).waitFor();
      become({ locked: true, cluster: farLinks("n2") });
      await state.getByText("live, locked, at n2", { exact: true }).waitFor();
      await tab.getByText("fier/screen").click();
      await links.getByText("nobody here watches it").waitFor();
      expect(await tab.locator("#fact-owner").textContent()).toBe("n2");
      become({ cluster: farLinks("n2", { follows: true, lag: 12, gaps: 1, resyncs: 2 }) });
      await links.getByText("12 ms behind, 1 gap, 2 resyncs", { exact: true }).waitFor();
      become({ cluster: farLinks("n2", { follows: true }) });
      await links.getByText("0 gaps, 0 resyncs", { exact: true }).waitFor();
      const followers = [
        { node: "n2", lagBytes: 0 },
        { node: "n3", lagBytes: 1_230_000 },
      ];
      become({ cluster: ownLinks(followers) });
      await links.getByText("followed by n2; n3, 1.23 MB on the way", { exact: true }).waitFor();
      expect(await tab.locator("#fact-owner").textContent()).toBe("this one");
      become({ cluster: null });
      await links.waitFor({ state: "hidden" });
    },
    TEST_MS,
  );

  test(
    "shows names as the text that they are",
    async () => {
      const name = "<img src=x onerror=document.title='run'>";
      await using server = standIn();
      server.channels.push(madeUpChannel("fier", name));
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByText(`fier/${name}`).click();
      await tab.getByRole("heading", { name: `fier/${name}` }).waitFor();
      expect(await tab.locator("img").count()).toBe(0);
      expect(await tab.title()).toBe("fstream");
    },
    TEST_MS,
  );

  test(
    "has rows for one page of 1,000 channels and of 10,000 watchers",
    async () => {
      await using server = standIn();
      for (let index = 0; index < 1_000; index += 1) {
        server.channels.push(madeUpChannel("user", `channel ${index}`, index));
      }
      for (let index = 0; index < 10_000; index += 1) {
        server.watchers.push(madeUpWatcher("user", "channel 0", index));
      }
      await using browser = await openBrowser();
      const tab = await browser.open(server.url);
      await tab.getByText("1–50 of 1,000").waitFor();
      expect(await tab.locator("#channels tr").count()).toBe(50);
      await tab.getByRole("button", { name: "Next" }).click();
      await tab.getByText("51–100 of 1,000").waitFor();
      await tab.getByText("user/channel 50", { exact: true }).waitFor();
      expect(await tab.locator("#channels tr").count()).toBe(50);
      await tab.getByRole("button", { name: "Watchers" }).click();
      await tab.getByText("user/channel 12", { exact: true }).waitFor();
      expect(await tab.locator("[aria-sort]").getAttribute("aria-sort")).toBe("descending");
      await tab.goto(`${server.url}#/user/channel%200`);
      await tab.getByText("1–50 of 10,000").waitFor();
      expect(await tab.locator("#watchers tr").count()).toBe(50);
    },
    TEST_MS,
  );
});
