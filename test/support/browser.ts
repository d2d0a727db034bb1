/**
 * Debian's chromium, without a window. It plays H.264 and AAC, which the builds that a package
 * manager of JavaScript fetches do not.
 */
import { chromium, type Page } from "playwright-core";
import { tool } from "./tools.ts";

export const CHROMIUM = "chromium";

export interface BrowserOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
}

export interface Browser extends AsyncDisposable {
  /** A tab; `options` give its size and its colours. */
  open(url: string, options?: BrowserOptions): Promise<Page>;
}

export async function openBrowser(): Promise<Browser> {
  const executablePath = tool(CHROMIUM);
  if (executablePath === undefined) {
    throw new Error(`${CHROMIUM} is not installed`);
  }
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  return {
    async open(url, { width = 1280, height = 800, colorScheme = "light" } = {}) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
