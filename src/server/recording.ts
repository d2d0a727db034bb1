/** Recording as the settings have it. */
import { mkdir } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { newRecorder, type Recorder, type RecordSettings } from "../record/recorder.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

const MINUTE_MS = 60_000;

/** What the recorder needs of the settings. */
export function recordSettings(settings: Settings): RecordSettings {
  return {
    folder: settings.record ?? "",
    users: settings["record-users"],
    span: settings["record-minutes"] * MINUTE_MS,
    maxBytes: settings["record-max-bytes"],
  };
}

/** Undefined where nothing is recorded. Rejects, with one sentence, where the folder is of no use. */
export async function startRecorder(
  clock: Clock,
  settings: Settings,
  log: Log,
): Promise<Recorder | undefined> {
  const { record } = settings;
  if (record === undefined) {
    return undefined;
  }
  try {
    await mkdir(record, { recursive: true });
    return await newRecorder({
      clock,
      settings: recordSettings(settings),
      onProblem: (kind, message) => log.event("warn", kind, `${kind}: ${message}`),
    });
  } catch (error) {
    const why = messageOf(error);
    throw new Error(`cannot record in ${record}: ${why}`, { cause: error });
  }
}
