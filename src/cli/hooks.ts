/** Whoever is told what happens, as the settings have it. */
import type { Tell } from "../hooks/event.ts";
import { loadHooks } from "../hooks/functions.ts";
import { newWebhook } from "../hooks/webhook.ts";
import { systemClock } from "../server/clock.ts";
import type { Log } from "../server/log.ts";
import type { Settings } from "../server/settings.ts";

/** Undefined where nobody is. Throws, with one sentence, where a setting is wrong. */
export async function hooksOf(settings: Settings, log: Log): Promise<Tell | undefined> {
  const onProblem = (message: string): void => log.event("warn", "hook failed", `hook: ${message}`);
  const tells: Tell[] = [];
  const url = settings["hook-url"] ?? "";
  if (url !== "") {
    const { tell } = newWebhook({
      clock: systemClock,
      url,
      secret: settings["hook-secret"] ?? "",
      timeout: settings["hook-timeout"],
      onProblem,
    });
    tells.push(tell);
  }
  const functions = settings.auth === undefined ? null : await loadHooks(settings.auth, onProblem);
  if (functions !== null) {
    tells.push(functions);
  }
  return tells.length === 0 ? undefined : (event) => tells.forEach((tell) => tell(event));
}
