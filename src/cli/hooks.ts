/** Whoever is told what happens, as the settings have it. */
import type { Tell } from "../hooks/event.ts";
import { loadHooks } from "../hooks/functions.ts";
import { newWebhook, type WebhookCounters } from "../hooks/webhook.ts";
import { systemClock } from "../server/clock.ts";
import type { Log } from "../server/log.ts";
import type { Settings } from "../server/settings.ts";

export interface Hooks {
  /** Undefined where nobody is to be told. */
  readonly tell: Tell | undefined;
  /** Undefined where nothing is posted. */
  readonly webhook: WebhookCounters | undefined;
}

/** Throws, with one sentence, where a setting is wrong. */
export async function hooksOf(settings: Settings, log: Log): Promise<Hooks> {
  const onProblem = (message: string): void => log.event("warn", "hook failed", `hook: ${message}`);
  const tells: Tell[] = [];
  let webhook: WebhookCounters | undefined;
  const url = settings["hook-url"] ?? "";
  if (url !== "") {
    const { counters, tell } = newWebhook({
      clock: systemClock,
      url,
      secret: settings["hook-secret"] ?? "",
      timeout: settings["hook-timeout"],
      onProblem,
    });
    webhook = counters;
    tells.push(tell);
  }
  const functions = settings.auth === undefined ? null : await loadHooks(settings.auth, onProblem);
  if (functions !== null) {
    tells.push(functions);
  }
  const tellAll: Tell = (event) => tells.forEach((tell) => tell(event));
  return { tell: tells.length === 0 ? undefined : tellAll, webhook };
}
