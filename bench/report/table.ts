/**
 * The table on stdout. What could not be measured is a dash.
 */
import { otherFaults, type Figures } from "./figures.ts";

export interface Row {
  readonly name: string;
  /** Or why there are none. */
  readonly figures: Figures | string;
}

type Cell = (figures: Figures) => string;

/** Two lines of heading, and what stands below. */
const COLUMNS: readonly (readonly [string, string, Cell])[] = [
  ["", "watchers", ({ watchers }) => String(watchers)],
  ["", "Gbit/s", ({ gbitPerSecond }) => fixed(gbitPerSecond, 2)],
  ["frames", "lost", ({ faults }) => String(faults.lost)],
  ["", "torn", ({ faults, othersFaults }) => String(faults.torn + othersFaults.torn)],
  ["", "other", ({ faults }) => String(otherFaults(faults))],
  ["latency", "p50", ({ p50 }) => ms(p50)],
  ["ms", "p90", ({ p90 }) => ms(p90)],
  ["", "p99", ({ p99 }) => ms(p99)],
  ["", "p99.9", ({ p999 }) => ms(p999)],
  ["", "max", ({ max }) => ms(max)],
  ["join", "byte", ({ joinByteP50 }) => ms(joinByteP50)],
  ["ms", "key", ({ joinKeyP50 }) => ms(joinKeyP50)],
  ["CPU", "s/Gbit", ({ serverCpuPerGbit }) => fixed(serverCpuPerGbit, 3)],
  ["", "MiB", ({ serverMib }) => fixed(serverMib, 0)],
];

const GAP = 2;

/** The whole table, with its headings, as lines. */
export function table(rows: readonly Row[]): string {
  const names = Math.max(...rows.map(({ name }) => name.length));
  const cells = rows.map(({ figures }) =>
    typeof figures === "string" ? figures : COLUMNS.map(([, , cell]) => cell(figures)),
  );
  const widths = COLUMNS.map(([first, second], i) =>
    Math.max(first.length, second.length, ...cells.map((row) => width(row, i))),
  );
  const line = (name: string, row: readonly string[]): string =>
    [name.padEnd(names), ...row.map((cell, i) => cell.padStart((widths[i] ?? 0) + GAP))]
      .join("")
      .trimEnd();
  return [
    line(
      "",
      COLUMNS.map(([first]) => first),
    ),
    line(
      "",
      COLUMNS.map(([, second]) => second),
    ),
    ...rows.map(({ name }, i) => {
      const row = cells[i] ?? "";
      return typeof row === "string" ? `${name.padEnd(names)}  ${row}` : line(name, row);
    }),
  ].join("\n");
}

/** The same cells for a page, which has room for one line of heading. */
export function cellsOf(rows: readonly Row[]): readonly (readonly string[])[] {
  const heading = COLUMNS.map(([, second]) => {
    if (second.startsWith("p") || second === "max") {
      return `${second} ms`;
    }
    return second === "byte" || second === "key" ? `join ${second}` : second;
  });
  return [
    ["", ...heading],
    ...rows.map(({ name, figures }) =>
      typeof figures === "string"
        ? [name, figures]
        : [name, ...COLUMNS.map(([, , cell]) => cell(figures))],
    ),
  ];
}

function width(row: string | readonly string[], column: number): number {
  return typeof row === "string" ? 0 : (row[column]?.length ?? 0);
}

export function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? "-" : value.toFixed(digits);
}

/** Milliseconds with as many digits as mean something. */
export function ms(value: number | undefined): string {
  return fixed(value, value === undefined || value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** A part of a whole, in per cent. */
export function percent(part: number | undefined): string {
  return part === undefined ? "-" : `${(part * 100).toFixed(0)} %`;
}
