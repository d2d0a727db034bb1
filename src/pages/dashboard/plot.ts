/** Plots of bits a second over the last minutes. */
import uPlot from "uplot";
import type { RatePoint } from "../../protocol/status.ts";
import { formatBitrate } from "./format.ts";

const SVG = "http://www.w3.org/2000/svg";
/** Units of the small plot's own coordinates. */
const WIDTH = 96;
const HEIGHT = 24;
const PLOT_HEIGHT_PX = 220;

export interface Sparkline {
  readonly node: SVGSVGElement;
  draw(rates: readonly number[]): void;
}

/** A small line without axes. It says nothing that the columns beside it do not. */
export function newSparkline(): Sparkline {
  const node = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "polyline");
  node.setAttribute("class", "sparkline");
  node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  node.setAttribute("preserveAspectRatio", "none");
  node.setAttribute("aria-hidden", "true");
  node.append(line);
  return { node, draw: (rates) => line.setAttribute("points", points(rates)) };
}

function points(rates: readonly number[]): string {
  const top = Math.max(1, ...rates) * 1.1;
  const step = WIDTH / Math.max(1, rates.length - 1);
  return rates
    .map(
      (value, index) => `${(index * step).toFixed(1)},${(HEIGHT * (1 - value / top)).toFixed(1)}`,
    )
    .join(" ");
}

export interface Plot {
  draw(history: readonly RatePoint[], stepMs: number): void;
  destroy(): void;
}

/** The plot of one channel, as wide as `parent`. */
export function newPlot(parent: HTMLElement): Plot {
  const colour = (name: string): string => getComputedStyle(parent).getPropertyValue(name).trim();
  const axis = {
    stroke: () => colour("--quiet"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      width: Math.max(1, parent.clientWidth),
      height: PLOT_HEIGHT_PX,
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, top) => [0, Math.max(1_000, top * 1.1)] } },
      axes: [
        { ...axis, space: 90, values: (_, ticks) => ticks.map(timeOfDay) },
        { ...axis, size: 90, values: (_, values) => values.map(rate) },
      ],
      series: [
        { label: "Time", value: (_, at) => (at === null ? "–" : timeOfDay(at)) },
        {
          label: "In",
          stroke: () => colour("--accent"),
          width: 2,
          value: (_, value) => rate(value),
        },
        {
          label: "Out",
          stroke: () => colour("--second"),
          width: 2,
          value: (_, value) => rate(value),
        },
      ],
    },
    [[], [], []],
    parent,
  );
  const resized = new ResizeObserver(() => {
    plot.setSize({ width: Math.max(1, parent.clientWidth), height: PLOT_HEIGHT_PX });
  });
  resized.observe(parent);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const repaint = (): void => plot.redraw(false);
  scheme.addEventListener("change", repaint);
  return {
    draw(history, stepMs) {
      const end = Date.now();
      const times = history.map(
        (_, index) => (end - (history.length - 1 - index) * stepMs) / 1_000,
      );
      plot.setData([times, history.map((one) => one.bitsIn), history.map((one) => one.bitsOut)]);
    },
    destroy() {
      resized.disconnect();
      scheme.removeEventListener("change", repaint);
      plot.destroy();
    },
  };
}

function rate(value: number | null): string {
  return value === null ? "–" : formatBitrate(value);
}

/** As the reader's own settings write it. */
function timeOfDay(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString();
}
