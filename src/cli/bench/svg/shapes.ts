/** The few SVG elements that pictures are made of. */

/** A part of a picture, with a height of its own. */
export interface Panel {
  readonly height: number;
  readonly content: string;
}

/** Width of every picture; heights follow from what is in them. */
export const WIDTH = 860;
const HEAD = 64;
const GAP = 24;

export const INK = "#24292f";
export const FAINT = "#d0d7de";
export const COLOURS = [
  "#0969da",
  "#cf222e",
  "#1a7f37",
  "#8250df",
  "#bf8700",
  "#0a7ea4",
  "#bf3989",
  "#57606a",
] as const;

export function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? INK;
}

/** Stacks panels under a title. */
export function document(parts: { title: string; under: string; panels: readonly Panel[] }): string {
  let y = HEAD;
  const placed = parts.panels.map(({ height, content }) => {
    const group = `<g transform="translate(0 ${y})">\n${content}\n</g>`;
    y += height + GAP;
    return group;
  });
  const head = [
    text({ x: 16, y: 28, size: 18, bold: true }, parts.title),
    text({ x: 16, y: 48, size: 11 }, parts.under),
  ];
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif">`;
  // For those who have the picture read to them.
  const title = `<title>${escaped(parts.title)}</title>`;
  const ground = `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`;
  return `${[open, title, ground, ...head, ...placed, "</svg>"].join("\n")}\n`;
}

export interface TextPlace {
  x: number;
  y: number;
  /** @default 11 */
  size?: number;
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
}

export function text(
  { x, y, size = 11, anchor = "start", bold = false }: TextPlace,
  content: string,
): string {
  const weight = bold ? ' font-weight="600"' : "";
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}" fill="${INK}"${weight}>${escaped(content)}</text>`;
}

export function line(from: readonly [number, number], to: readonly [number, number], stroke = FAINT): string {
  return `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" stroke="${stroke}"/>`;
}

/** A tenth of a pixel is exact enough. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
