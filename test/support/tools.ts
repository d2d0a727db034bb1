/**
 * Programs that some tests need and not every machine has. Such tests are skipped where the program is missing, and with
 * FSTREAM_TEST_ALL=1 they fail there, so that a full run cannot pass by leaving them out.
 */
import { describe, test } from "bun:test";

/** The path of the program `name`, or undefined where it is not installed. */
export function tool(name: string): string | undefined {
  return Bun.which(name) ?? undefined;
}

/** A `describe` whose tests need the program `toolName`. */
export function describeWith(toolName: string, title: string, body: () => void): void {
  if (tool(toolName) !== undefined) {
    describe(title, body);
  } else if (Bun.env["FSTREAM_TEST_ALL"] === "1") {
    describe(title, () => {
      test(`needs ${toolName}`, () => {
        throw new Error(`${toolName} is not installed, and FSTREAM_TEST_ALL=1 asks for every test`);
      });
    });
  } else {
    describe.skip(`${title} (skipped: ${toolName} is not installed)`, body);
  }
}
