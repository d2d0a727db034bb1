/**
 * An authenticator of the operator's own: a module that exports `authenticate(request)`.
 *
 * It answers true (let in) or false, or `{ code, message }` to say more; at once or as a promise.
 * Any other answer, and none at all, is thrown as an error: the gate refuses then, so a forgotten
 * `return` lets nobody in.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, isCode, refusal, type Refusal } from "../core/errors.ts";
import { AUTH_MESSAGE_MAX_CHARS } from "../core/limits.ts";
import type { AuthRequest, Authenticator } from "./authenticator.ts";

/** What the module exports. */
type Authenticate = (request: AuthRequest) => unknown;

/**
 * Loads the module at `path`, relative to the working directory. Throws an Error fit for the
 * operator.
 */
export async function loadPlugin(path: string): Promise<Authenticator> {
  const file = resolve(path);
  if (!(await Bun.file(file).exists())) {
    throw new Error(`The auth module ${file} does not exist.`);
  }
  const authenticate = findExport(await load(file));
  if (authenticate === undefined) {
    throw new Error(`The auth module ${file} exports no function named authenticate.`);
  }
  return {
    async authenticate(request) {
      try {
        return interpret(await authenticate(Object.freeze({ ...request })), request);
      } catch (error) {
        const message = messageOf(error);
        throw holdsSecret(message, request) ? new Error(CONCEALED) : error;
      }
    },
  };
}

async function load(file: string): Promise<object> {
  try {
    const module: object = await import(pathToFileURL(file).href);
    return module;
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`The auth module ${file} cannot be loaded: ${reason}`, { cause: error });
  }
}

/**
 * Looks into the default export too, where a module keeps what it would otherwise export by name.
 */
function findExport(module: object): Authenticate | undefined {
  const places: readonly unknown[] = [module, "default" in module ? module.default : undefined];
  for (const place of places) {
    if (isObject(place) && typeof place["authenticate"] === "function") {
      const authenticate: Authenticate = place["authenticate"].bind(place);
      return authenticate;
    }
  }
  return undefined;
}

/** The module's own words go to the log. */
const CONCEALED = "what it says holds a password of the request";

function holdsSecret(text: string, { userPassword, channelPassword }: AuthRequest): boolean {
  return [userPassword, channelPassword].some(
    (secret) => secret !== undefined && secret !== "" && text.includes(secret),
  );
}

function interpret(answer: unknown, request: AuthRequest): Refusal | null {
  if (answer === true) {
    return null;
  }
  if (answer === false) {
    return refusal("unauthorized", "wrong user or password");
  }
  if (!isObject(answer)) {
    const kind = answer === null ? "null" : typeof answer;
    throw new Error(`authenticate answered ${kind}, not true, false or {code, message}`);
  }
  const { code, message } = answer;
  if (typeof code !== "string" || !isCode(code)) {
    throw new Error(`authenticate answered with the code ${String(code)}, which is none`);
  }
  const isFit = typeof message === "string" && !holdsSecret(message, request);
  return refusal(code, isFit ? oneLine(message) : code);
}

/** What a reply can carry and a log can show. */
function oneLine(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, AUTH_MESSAGE_MAX_CHARS);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
