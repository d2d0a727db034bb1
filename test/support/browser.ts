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

/** Opens a browser, for which the names in `names` are this machine. */
export async function openBrowser(...names: readonly string[]): Promise<Browser> {
  const executablePath = tool(CHROMIUM);
  if (executablePath === undefined) {
    throw new Error(`${CHROMIUM} is not installed`);
  }
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(",");
  const args = ["--no-sandbox", `--host-resolver-rules=${rules}`];
  const browser = await chromium.launch({ executablePath, args });
  return {
    async open(url, { width = 1280, height = 800, colorScheme = "light" } = {}) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
