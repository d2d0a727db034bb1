/** The functions that the operator's module may export: onLive, onEnd, onWatch, onLeave, onSkip. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "../core/errors.ts";
import type { EventName, HookEvent, Tell } from "./event.ts";

const EXPORTS: Readonly<Record<EventName, string>> = {
  "on-live": "onLive",
  "on-end": "onEnd",
  "on-watch": "onWatch",
  "on-leave": "onLeave",
  "on-skip": "onSkip",
};

type Hook = (event: HookEvent) => unknown;

/** Loads the module at `path`, which the authenticator has loaded already. Null where it has none. */
export async function loadHooks(
  path: string,
  onProblem: (message: string) => void,
): Promise<Tell | null> {
  const module: object = await import(pathToFileURL(resolve(path)).href);
  const hooks = new Map<EventName, Hook>();
  for (const [event, name] of Object.entries(EXPORTS)) {
    const hook = findExport(module, name);
    if (hook !== undefined && isEventName(event)) {
      hooks.set(event, hook);
    }
  }
  return hooks.size === 0 ? null : (event) => void call(hooks, event, onProblem);
}

/** Called from a task of its own, so that no code of theirs runs inside ours. */
async function call(
  hooks: ReadonlyMap<EventName, Hook>,
  event: HookEvent,
  onProblem: (message: string) => void,
): Promise<void> {
  await Promise.resolve();
  try {
    await hooks.get(event.event)?.(Object.freeze({ ...event }));
  } catch (error) {
    onProblem(`${EXPORTS[event.event]}: ${messageOf(error)}`);
  }
}

function findExport(module: object, name: string): Hook | undefined {
  const places: readonly unknown[] = [module, "default" in module ? module.default : undefined];
  for (const place of places) {
    if (isObject(place) && typeof place[name] === "function") {
      const hook: Hook = place[name].bind(place);
      return hook;
    }
  }
  return undefined;
}

function isEventName(text: string): text is EventName {
  return text in EXPORTS;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
