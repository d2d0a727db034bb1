/**
 * A report as one page that needs nothing else: the table, the notes, and the charts, which uPlot
 * draws. It follows the reader's choice of light or dark, and is narrow enough for a phone.
 */
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import drawScript from "./draw.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import type { Chart } from "./charts.ts";

export interface Page {
  readonly title: string;
  /** What was run, and where. */
  readonly head: readonly string[];
  /** The first row is the heading, the first cell of each its name. */
  readonly table: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly charts: readonly Chart[];
}

/** The whole page as HTML. */
export function pageOf({ title, head, table, notes, charts }: Page): string {
  const [heading = [], ...rows] = table;
  const row = (cells: readonly string[], tag: "th" | "td"): string =>
    `<tr>${cells.map((cell, i) => `<${i === 0 ? "th" : tag}>${escape(cell)}</${i === 0 ? "th" : tag}>`).join("")}</tr>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${uplotStyle}${style}</style>
<h1>${escape(title)}</h1>
${head.map((line) => `<p class="head">${escape(line)}</p>`).join("\n")}
<div class="wide"><table>
<thead>${row(heading, "th")}</thead>
<tbody>${rows.map((cells) => row(cells, "td")).join("\n")}</tbody>
</table></div>
<ul>${notes.map((note) => `<li>${escape(note)}</li>`).join("\n")}</ul>
<main>${charts.map(({ title: name }, i) => `<section><h2>${escape(name)}</h2><div id="chart-${i}"></div></section>`).join("\n")}</main>
<script>${uplotScript}</script>
<script type="application/json" id="charts">${JSON.stringify(charts).replaceAll("<", "\\u003c")}</script>
<script>${drawScript}</script>
</html>
`;
}

function escape(text: string): string {
  return Bun.escapeHTML(text);
}
