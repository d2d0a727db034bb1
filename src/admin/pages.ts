/**
 * The pages, bundled by Bun from their HTML when somebody first asks for one.
 *
 *     /                 ──► dashboard/index.html ──► /assets/NAME-HASH.js, .css
 *     /watch/USER/NAME  ──► watch/index.html     ──► …
 *
 * The bundler is called here and not by the routes of Bun.serve, for those take no headers.
 */
import dashboard from "../pages/dashboard/index.html";
import watch from "../pages/watch/index.html";
import { page, pagePart, text } from "./replies.ts";

export interface Pages {
  /** The page or the part of one at `path`; undefined where there is none. */
  at(path: string): Promise<Response | undefined>;
}

interface Bundle {
  readonly html: Blob;
  readonly parts: ReadonlyMap<string, Blob>;
}

const ASSETS = "/assets/";

export function newPages(failed: (error: unknown) => void): Pages {
  const bundles = new Map<string, Promise<Bundle>>();
  const bundleOf = (entry: string): Promise<Bundle> => {
    const bundled = bundles.get(entry) ?? bundle(entry);
    bundles.set(entry, bundled);
    return bundled;
  };

  const find = async (path: string): Promise<Response | undefined> => {
    if (path === "/") {
      return page((await bundleOf(dashboard.index)).html, false);
    }
    if (path.startsWith("/watch/")) {
      return page((await bundleOf(watch.index)).html, true);
    }
    if (!path.startsWith(ASSETS)) {
      return undefined;
    }
    for (const bundled of await Promise.all([dashboard.index, watch.index].map(bundleOf))) {
      const part = bundled.parts.get(path.slice(ASSETS.length));
      if (part !== undefined) {
        return pagePart(part);
      }
    }
    return undefined;
  };

  return {
    async at(path) {
      try {
        return await find(path);
      } catch (error) {
        failed(error);
        return text("the page cannot be built\n", 500);
      }
    },
  };
}

async function bundle(entry: string): Promise<Bundle> {
  const name = "[name]-[hash].[ext]";
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    minify: true,
    // What a page loads later is a part of its own.
    splitting: true,
    publicPath: ASSETS,
    naming: { entry: "[name].[ext]", chunk: name, asset: name },
  });
  const files = outputs.map((output) => [output.path.replace(/^.*\//, ""), output] as const);
  const parts = new Map<string, Blob>(files);
  const html = parts.get("index.html");
  if (html === undefined) {
    throw new Error(`${entry} has no page`);
  }
  return { html, parts };
}
