/**
 * A contest's outcome: the table on stdout, and files where they are asked for.
 */
import { writeFileSync } from "node:fs";
import { UsageError, messageOf } from "../../src/cli/talk.ts";
import { formatBitrate } from "../../src/core/units.ts";
import type { Placement } from "../measure/placement.ts";
import { machineName } from "../measure/proc.ts";
import type { Load, Round } from "../measure/round.ts";
import { figuresOf, medians } from "./figures.ts";
import { generalNotes, notesOn } from "./notes.ts";
import { cellsOf, table } from "./table.ts";

/** A server and its rounds, or why there are none. */
export interface Entry {
  readonly name: string;
  readonly rounds: readonly Round[] | string;
}

export interface Outcome {
  readonly title: string;
  readonly load: Load;
  readonly placement: Placement;
  readonly entries: readonly Entry[];
}

/** Empty names are files that are not wanted. */
export interface Files {
  readonly json: string;
  readonly page: string;
}

/** Says what was measured, and how. */
export async function publish(outcome: Outcome, files: Files): Promise<void> {
  const rows = outcome.entries.map(({ name, rounds }) => ({
    name,
    figures: typeof rounds === "string" ? rounds : medians(rounds.map(figuresOf)),
  }));
  const measured = rows.flatMap(({ name, figures }) =>
    typeof figures === "string" ? [] : [{ name, figures }],
  );
  const notes = [
    ...generalNotes(measured.map(({ figures }) => figures)),
    ...measured.flatMap(({ name, figures }) => notesOn(name, figures)),
  ];
  const lines = [...headline(outcome), "", table(rows), "", ...notes.map((note) => `· ${note}`)];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (files.json !== "") {
    save(files.json, `${JSON.stringify(record(outcome, rows, notes), null, 2)}\n`);
  }
  if (files.page !== "") {
    const [{ pageOf }, { contestCharts }] = await Promise.all([
      import("./page.ts"),
      import("./charts.ts"),
    ]);
    const head = headline(outcome);
    const charts = contestCharts(outcome.entries, outcome.load.seconds);
    const title = `fstream: ${outcome.title}`;
    save(files.page, pageOf({ title, head, table: cellsOf(rows), notes, charts }));
  }
}

/** Two lines on what was run, and where. */
export function headline({ load, placement, entries }: Outcome): readonly string[] {
  const { plan, channels, watchers, others, seconds, sink } = load;
  const rounds = Math.max(
    1,
    ...entries.map((entry) => (typeof entry.rounds === "string" ? 0 : entry.rounds.length)),
  );
  const slow = others.slow ?? 0;
  return [
    `${watchers} watchers${slow > 0 ? ` and ${slow} slow ones` : ""} × ` +
      `${formatBitrate(plan.bitsPerSecond)}, ${plan.fps} fps, a keyframe in ${plan.gop}, ` +
      `${channels === 1 ? "one channel" : `${channels} channels`}; ` +
      `${rounds === 1 ? "one round" : `medians of ${rounds} rounds`} of ${seconds} s, ` +
      (sink ? "bytes only counted" : "every byte of every frame compared"),
    `${machineName()}; Bun ${Bun.version}; ${placement.text}`,
  ];
}

function record(
  outcome: Outcome,
  rows: readonly { readonly name: string; readonly figures: unknown }[],
  notes: readonly string[],
): object {
  const { load, placement, entries } = outcome;
  return {
    machine: machineName(),
    bun: Bun.version,
    placement: placement.text,
    load,
    rows,
    rounds: entries.map(({ name, rounds }) => ({
      name,
      rounds: typeof rounds === "string" ? [] : rounds.map(figuresOf),
    })),
    notes,
  };
}

/** Writes a file that was asked for on the command line. */
export function save(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${messageOf(error)}`);
  }
}
