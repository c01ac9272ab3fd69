/** A bar a figure: as long as its median, with a line from its least to its greatest value. */
import { type Figure, shown } from "../report.ts";
import { axisScale } from "./scale.ts";
import { colour, INK, line, type Panel, round, text } from "./shapes.ts";

const ROW = 26;
const HEAD = 28;
/** Where bars begin, and the room that they have. */
const LEFT = 380;
const ROOM = 380;

export function bars(figures: readonly Figure[]): Panel {
  const unit = figures[0]?.unit ?? "";
  const values = figures.flatMap(({ median, high }) => [median, high]);
  const { place } = axisScale({ label: unit, scale: "linear" }, values);
  const rows = figures.flatMap((one, i) => rowOf(one, HEAD + i * ROW, (value) => LEFT + ROOM * place(value)));
  const title = text({ x: 16, y: 14, size: 13, bold: true }, unit === "" ? "ratio" : unit);
  return { height: HEAD + figures.length * ROW, content: [title, ...rows].join("\n") };
}

function rowOf({ name, median, low, high }: Figure, y: number, at: (value: number) => number): string[] {
  const [end, from, to] = [at(median), at(low), at(high)];
  const middle = y + ROW / 2 - 2;
  return [
    text({ x: LEFT - 10, y: middle + 4, anchor: "end" }, name),
    `<rect x="${LEFT}" y="${y}" width="${round(Math.max(1, end - LEFT))}" height="${ROW - 8}" fill="${colour(0)}" fill-opacity="0.75"/>`,
    line([from, middle], [to, middle], INK),
    text({ x: Math.max(end, to) + 6, y: middle + 4 }, shown(median)),
  ];
}
