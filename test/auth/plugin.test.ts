/**
 * An operator's own module: how it is loaded, and what its answers mean.
 */
import { expect, test } from "bun:test";
import { join, relative } from "node:path";
import { gate } from "../../src/auth/gate.ts";
import { loadPlugin } from "../../src/auth/plugin.ts";
import { AUTH_TIMEOUT_MS } from "../../src/core/limits.ts";
import { handClock, request, settle, temporaryFolder, type TemporaryFolder } from "./helpers.ts";

let modules = 0;

/** Writes a module under a name of its own: a module is loaded only once. */
async function moduleIn(folder: TemporaryFolder, source: string): Promise<string> {
  const path = join(folder.path, `plugin-${++modules}.ts`);
  await Bun.write(path, source);
  return path;
}

/** What a module whose `authenticate` returns `expression` says to a request. */
async function answer(expression: string): Promise<unknown> {
  await using folder = await temporaryFolder();
  const path = await moduleIn(
    folder,
    `export function authenticate(request) { return ${expression}; }`,
  );
  const plugin = await loadPlugin(path);
  return plugin.authenticate(request({ userPassword: "hunter2" })).catch(String);
}

/** What is wrong with the module at `path`. */
function errorOf(path: string): Promise<unknown> {
  return loadPlugin(path).catch(String);
}

test("true lets in, false does not, at once or as a promise", async () => {
  const refused = { code: "unauthorized", message: "wrong user or password" };
  expect(await answer("true")).toBeNull();
  expect(await answer("Promise.resolve(true)")).toBeNull();
  expect(await answer("false")).toEqual(refused);
  expect(await answer("Promise.resolve(false)")).toEqual(refused);
});

test("a refusal of its own passes, as one line of bounded length", async () => {
  expect(await answer(`{ code: "busy", message: "come\\r\\nback" }`)).toEqual({
    code: "busy",
    message: "come back",
  });
  expect(await answer(`{ code: "limit" }`)).toEqual({ code: "limit", message: "limit" });
  expect(await answer(`{ code: "limit", message: "x".repeat(1000) }`)).toEqual({
    code: "limit",
    message: "x".repeat(200),
  });
});

test("any other answer is an error, none at all included", async () => {
  expect(await answer("undefined")).toContain("authenticate answered undefined");
  expect(await answer("null")).toContain("authenticate answered null");
  expect(await answer("1")).toContain("authenticate answered number");
  expect(await answer(`"ok"`)).toContain("authenticate answered string");
  expect(await answer("{}")).toContain("the code undefined");
  expect(await answer(`{ code: "ok", message: "" }`)).toContain("the code ok");
});

test("it sees the whole request and cannot change it", async () => {
  expect(
    await answer(
      `{ code: "busy", message: [request.verb, request.user, request.userPassword.length].join() }`,
    ),
  ).toEqual({ code: "busy", message: "broadcast,bob,7" });
  expect(await answer("(request.user = 'eve', true)")).toContain("TypeError");
});

test("a path is relative to the working directory, and a default export will do", async () => {
  await using folder = await temporaryFolder();
  const path = await moduleIn(
    folder,
    "export default { right: true, authenticate() { return this.right; } };",
  );
  const plugin = await loadPlugin(relative(process.cwd(), path));
  expect(await plugin.authenticate(request())).toBeNull();
});

test("a module that is missing, broken or of another kind is named in the error", async () => {
  await using folder = await temporaryFolder();
  const missing = join(folder.path, "missing.ts");
  expect(await errorOf(missing)).toBe(`Error: The auth module ${missing} does not exist.`);
  expect(await errorOf(folder.path)).toContain("does not exist");
  const broken = await moduleIn(folder, `throw new Error("no database");`);
  expect(await errorOf(broken)).toBe(
    `Error: The auth module ${broken} cannot be loaded: no database`,
  );
  const invalid = await moduleIn(folder, "export function authenticate( {");
  expect(await errorOf(invalid)).toStartWith(
    `Error: The auth module ${invalid} cannot be loaded: `,
  );
  for (const source of [
    "export const other = 1;",
    "export const authenticate = true;",
    "export default null;",
  ]) {
    const other = await moduleIn(folder, source);
    expect(await errorOf(other)).toBe(
      `Error: The auth module ${other} exports no function named authenticate.`,
    );
  }
});

test("behind the gate a module that hangs, throws or forgets to answer lets nobody in", async () => {
  await using folder = await temporaryFolder();
  const codeOf = async (body: string): Promise<unknown> => {
    const plugin = await loadPlugin(
      await moduleIn(folder, `export function authenticate() { ${body} }`),
    );
    const clock = handClock();
    const answered = gate(plugin, { clock, onProblem: () => undefined }).authenticate(request());
    await settle();
    await clock.advance(AUTH_TIMEOUT_MS);
    return (await answered)?.code;
  };
  expect(await codeOf("return new Promise(() => {});")).toBe("timeout");
  expect(await codeOf("throw new Error('no');")).toBe("forbidden");
  expect(await codeOf("return Promise.reject(new Error('no'));")).toBe("forbidden");
  expect(await codeOf("")).toBe("forbidden");
  expect(await codeOf("return { then: 1 };")).toBe("forbidden");
});

test("what it says of a password reaches neither the log nor the peer", async () => {
  expect(await answer(`{ code: "forbidden", message: "not " + request.userPassword }`)).toEqual({
    code: "forbidden",
    message: "forbidden",
  });
  const thrown = await answer(`(() => { throw new Error("no " + request.userPassword); })()`);
  expect(String(thrown)).toContain("holds a password");
  expect(String(thrown)).not.toContain("hunter2");
});
