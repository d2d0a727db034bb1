/**
 * The watch page in a real browser, with a real server and broadcasts that ffmpeg makes: what is seen
 * on it is what was sent.
 */
import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { CHROMIUM, openBrowser, type Browser } from "../support/browser.ts";
import { LIMIT_MS, TEST_MS } from "../support/program.ts";
import { describeWith } from "../support/tools.ts";
import { broadcast, look, onAir, type Kind, type Sight } from "./on-air.ts";

/** What codecs and colour conversions make of a value. */
const TOLERANCE = 45;

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];

async function open(browser: Browser, url: string): Promise<Page> {
  const tab = await browser.open(url);
  tab.setDefaultTimeout(LIMIT_MS);
  return tab;
}

async function state(tab: Page, name: string): Promise<void> {
  await tab.locator(`body[data-state="${name}"]`).waitFor();
}

function expectColours({ colours }: Sight): void {
  for (const [index, colour] of [RED, GREEN, BLUE].entries()) {
    const errors = colour.map((value, part) => Math.abs(value - (colours[index]?.[part] ?? NaN)));
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  }
}

/** Looks until a picture with a higher number than `than` is seen. */
async function later(tab: Page, than: number): Promise<Sight> {
  for (;;) {
    const sight = await look(tab);
    if (sight.number > than) {
      return sight;
    }
  }
}

/** Expects known colours, and a picture that moves on. */
async function expectPictures(tab: Page): Promise<Sight> {
  await state(tab, "playing");
  const sight = await look(tab);
  expectColours(sight);
  const next = await later(tab, sight.number + 5);
  expectColours(next);
  return next;
}

describeWith(CHROMIUM, "the watch page", () => {
  describeWith("ffmpeg", "with ffmpeg", () => {
    const PLAYED: readonly (readonly [kind: Kind, decoder: RegExp])[] = [
      ["h264", /^H\.264, WebCodecs, avc1\./],
      ["mpegts", /^MPEG-TS, mpegts\.js$/],
      ["webm", /^WebM, browser$/],
      ["ivf", /^IVF, WebCodecs, vp8$/],
      ["mjpeg", /^Motion JPEG, browser/],
    ];
    for (const [kind, decoder] of PLAYED) {
      test(
        `shows ${kind} as it was sent, and as it moves`,
        async () => {
          await using air = await onAir();
          await using browser = await openBrowser();
          await using _ = await broadcast(air, "cam", kind);
          const tab = await open(browser, air.pageOf("cam"));
          await expectPictures(tab);
          expect(await tab.locator("#decoder").textContent()).toMatch(decoder);
          expect(await tab.locator("#size").textContent()).toBe("360×200");
          expect(await tab.locator("#delay").textContent()).toMatch(/^\d+(\.\d)? m?s$/);
        },
        TEST_MS,
      );
    }

    test(
      "shows h264 where the page is not secure, and has no WebCodecs",
      async () => {
        await using air = await onAir();
        await using browser = await openBrowser("elsewhere.test");
        await using _ = await broadcast(air, "cam", "h264");
        const tab = await open(browser, air.pageOf("cam").replace("127.0.0.1", "elsewhere.test"));
        await expectPictures(tab);
        expect(await tab.locator("#decoder").textContent()).toBe("H.264, mpegts.js");
      },
      TEST_MS,
    );

    for (const linger of ["0", "1m"]) {
      test(
        `goes on by itself when the broadcaster starts again, with linger=${linger}`,
        async () => {
          await using air = await onAir({ linger });
          await using browser = await openBrowser();
          const tab = await open(browser, air.pageOf("cam"));
          await state(tab, "waiting");
          const first = await broadcast(air, "cam", "h264");
          const { number } = await later(tab, (await expectPictures(tab)).number + 20);
          await first.end();
          await state(tab, "waiting");
          await using _ = await broadcast(air, "cam", "h264");
          const again = await expectPictures(tab);
          expect(again.number).toBeLessThan(number);
        },
        TEST_MS,
      );
    }

    test(
      "goes on when the next broadcast has another format",
      async () => {
        await using air = await onAir();
        await using browser = await openBrowser();
        const first = await broadcast(air, "cam", "mpegts");
        const tab = await open(browser, air.pageOf("cam"));
        await expectPictures(tab);
        await first.end();
        await using _ = await broadcast(air, "cam", "h264");
        await tab.getByText(/^H\.264, WebCodecs/).waitFor();
        await expectPictures(tab);
      },
      TEST_MS,
    );

    test(
      "says that the stream stands still while it does",
      async () => {
        await using air = await onAir();
        await using browser = await openBrowser();
        await using source = await broadcast(air, "cam", "h264");
        const tab = await open(browser, air.pageOf("cam"));
        await expectPictures(tab);
        source.pause(true);
        await state(tab, "stalled");
        source.pause(false);
        await expectPictures(tab);
      },
      TEST_MS,
    );

    test(
      "asks for the channel's password, says of a wrong one that it is wrong, and keeps the right one",
      async () => {
        await using air = await onAir();
        await using browser = await openBrowser();
        await using _ = await broadcast(air, "cam", "h264", ",channel-password=open sesame");
        const tab = await open(browser, air.pageOf("cam"));
        await state(tab, "locked");
        await tab.getByLabel("Password").fill("guess");
        await tab.keyboard.press("Enter");
        await tab.getByText("That password is wrong.").waitFor();
        await tab.getByLabel("Password").fill("open sesame");
        await tab.getByRole("button", { name: "Watch" }).click();
        await expectPictures(tab);
        await tab.reload();
        await expectPictures(tab);
      },
      TEST_MS,
    );

    for (const [kind, name] of [
      ["y4m", "YUV4MPEG2"],
      ["mpegts with MPEG-2", "MPEG-TS"],
    ] as const) {
      test(
        `says that the browser cannot play ${kind}, and what to type instead`,
        async () => {
          await using air = await onAir();
          await using browser = await openBrowser();
          await using _ = await broadcast(air, "cam", kind);
          const tab = await open(browser, air.pageOf("cam"));
          await tab.getByText(`This browser cannot play ${name}`).waitFor();
          const { where } = air.media;
          const url = `http://127.0.0.1:${"port" in where ? where.port : 0}/bob/cam`;
          await tab.getByText(`ffplay ${url}`).waitFor();
        },
        TEST_MS,
      );
    }

    test(
      "has a button and a key for the sound, where there is one",
      async () => {
        await using air = await onAir();
        await using browser = await openBrowser();
        await using _ = await broadcast(air, "cam", "mpegts with sound");
        const tab = await open(browser, air.pageOf("cam"));
        await expectPictures(tab);
        await tab.getByRole("button", { name: "Unmute" }).click();
        await tab.getByRole("button", { name: "Mute", exact: true }).waitFor();
        await tab.keyboard.press("m");
        await tab.getByRole("button", { name: "Unmute" }).waitFor();
      },
      TEST_MS,
    );
  });
});
