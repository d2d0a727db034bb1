/**
 * Draws the charts of a report, in the page itself. Everything about them stands in the element
 * "charts"; colours follow the page's.
 */
"use strict";

const charts = JSON.parse(document.getElementById("charts").textContent);

/** As many colours as the page's style has. */
const COLORS = 6;
const HEIGHT = 300;

function colorOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A number as short as it may be, and never as a power. */
function short(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));
}

/** A logarithmic axis has room for powers of ten and what is in the middle between them. */
function sparse(_, splits) {
  return splits.map((value) => {
    const lead = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
    return [1, 2, 5].some((digit) => Math.abs(lead - digit) < 1e-6) ? short(value) : "";
  });
}

function axesOf({ x, y }) {
  const common = {
    stroke: () => colorOf("--soft"),
    grid: { stroke: () => colorOf("--line"), width: 1 },
    ticks: { stroke: () => colorOf("--line"), width: 1 },
    labelSize: 22,
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const written = x.ticks && {
    splits: () => x.ticks.map(([value]) => value),
    values: (_, splits) => splits.map((value) => x.ticks.find(([at]) => at === value)?.[1] ?? ""),
  };
  return [
    { ...common, label: x.label, values: (_, splits) => splits.map(short), ...written },
    {
      ...common,
      label: y.label,
      size: 56,
      values: y.logarithmic ? sparse : (_, splits) => splits.map(short),
    },
  ];
}

function draw(chart, index) {
  const place = document.getElementById(`chart-${index}`);
  const points = chart.x.values.length <= 30;
  const tick = (value) => chart.x.ticks?.find(([at]) => at === value)?.[1];
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      scales: {
        x: { time: false },
        y: chart.y.logarithmic
          ? { distr: 3 }
          : { range: (_, low, high) => [Math.min(0, low), high * 1.08 || 1] },
      },
      axes: axesOf(chart),
      series: [
        { label: chart.x.label, value: (_, value) => tick(value) ?? short(value) },
        ...chart.series.map(({ name }, i) => ({
          label: name,
          stroke: () => colorOf(`--series-${i % COLORS}`),
          width: 2,
          points: { show: points, size: 5, fill: () => colorOf("--paper") },
          value: (_, value) => short(value),
        })),
      ],
    },
    [chart.x.values, ...chart.series.map(({ values }) => values)],
    place,
  );
  new ResizeObserver(() => {
    plot.setSize({ width: place.clientWidth, height: HEIGHT });
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
}

charts.forEach(draw);
