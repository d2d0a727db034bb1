/**
 * How this program is called here, for the commands that it suggests.
 */

/** The words before a command: `bunx fstream`, or npx's where Bun is nowhere but in npx's cache. */
export function invocation(): string {
  const fromNpx = process.execPath.split(/[\\/]/).includes("_npx");
  return fromNpx ? "npx --yes bun@1.4.5 x fstream" : "bunx fstream";
}
