/** Lines and points over two axes. */
import { type Axis, type Plot, type Series, shown } from "../report.ts";
import { type AxisScale, axisScale } from "./scale.ts";
import { colour, FAINT, line, type Panel, round, text } from "./shapes.ts";

const AREA = { left: 76, top: 28, width: 520, height: 300 } as const;
const HEIGHT = 384;
/** Where the names of the series stand. */
const LEGEND = { x: 620, y: 44, step: 18 } as const;

export function plot({ title, x, y, series }: Plot): Panel {
  const points = series.flatMap((one) => one.points);
  const across = axisScale(
    x,
    points.map(([value]) => value),
  );
  const up = axisScale(
    y,
    points.map(([, value]) => value),
  );
  const drawn = series.flatMap((one, i) => [drawSeries(one, colour(i), across, up), legendOf(one, i)]);
  const content = [text({ x: 16, y: 14, size: 13, bold: true }, title), ...axes(x, y, across, up), ...drawn];
  return { height: HEIGHT, content: content.join("\n") };
}

function axes(x: Axis, y: Axis, across: AxisScale, up: AxisScale): string[] {
  const { left, top, width, height } = AREA;
  const bottom = top + height;
  const vertical = across.ticks.flatMap((value) => {
    const at = atX(across, value);
    return [line([at, top], [at, bottom]), text({ x: at, y: bottom + 16, anchor: "middle" }, shown(value))];
  });
  const horizontal = up.ticks.flatMap((value) => {
    const at = atY(up, value);
    return [
      line([left, at], [left + width, at]),
      text({ x: left - 8, y: at + 4, anchor: "end" }, shown(value)),
    ];
  });
  const frame = `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="${FAINT}"/>`;
  const names = [
    text({ x: left + width / 2, y: bottom + 36, anchor: "middle" }, x.label),
    text({ x: left + 6, y: top + 14 }, y.label),
  ];
  return [...vertical, ...horizontal, frame, ...names];
}

function drawSeries({ style, points }: Series, stroke: string, across: AxisScale, up: AxisScale): string {
  const places = points
    .map(([x, y]) => [atX(across, x), atY(up, y)] as const)
    .filter((place) => place.every(Number.isFinite));
  if (style === "points") {
    return places
      .map(([x, y]) => `<circle cx="${round(x)}" cy="${round(y)}" r="4" fill="${stroke}"/>`)
      .join("\n");
  }
  const path = places.map(([x, y]) => `${round(x)},${round(y)}`).join(" ");
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="1.5"${dashes(style)}/>`;
}

function legendOf({ name, style }: Series, index: number): string {
  const y = LEGEND.y + index * LEGEND.step;
  const { x } = LEGEND;
  const mark =
    style === "points"
      ? `<circle cx="${x + 10}" cy="${y - 4}" r="4" fill="${colour(index)}"/>`
      : `<line x1="${x}" y1="${y - 4}" x2="${x + 20}" y2="${y - 4}" stroke="${colour(index)}" stroke-width="1.5"${dashes(style)}/>`;
  return `${mark}\n${text({ x: x + 28, y }, name)}`;
}

function dashes(style: Series["style"]): string {
  return style === "dashes" ? ' stroke-dasharray="5 4"' : "";
}

function atX(scale: AxisScale, value: number): number {
  return AREA.left + scale.place(value) * AREA.width;
}

function atY(scale: AxisScale, value: number): number {
  return AREA.top + (1 - scale.place(value)) * AREA.height;
}
