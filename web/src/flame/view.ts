// Which frames of a layout are on screen, which one is under the pointer, and where the arrow keys lead. Work per
// drawing is bounded by pixels (rows shown x width in pixels x log nodes), not by the number of frames.
import type { Layout } from './layout';

export interface Box {
  node: number;
  x: number; // px
  width: number; // px, at least kHairline
}

export type Direction = 'parent' | 'child' | 'left' | 'right';

const kHairline = 1; // px; narrower frames are merged into one line of this width

// The first position in the row whose frame ends after x.
export function firstEndingAfter(layout: Layout, row: Int32Array, x: number): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (layout.x1[row[middle]!]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Calls emit for each frame of the row to draw when zoom fills width_px; ancestors of zoom fill the whole width.
export function boxesOfRow(layout: Layout, zoom: number, depth: number, widthPx: number, emit: (box: Box) => void): void {
  const row = layout.rows[depth];
  const from = layout.x0[zoom]!;
  const to = layout.x1[zoom]!;
  if (!row || to <= from) return;
  const scale = widthPx / (to - from);
  let at = firstEndingAfter(layout, row, from);
  while (at < row.length) {
    const node = row[at]!;
    if (layout.x0[node]! >= to) return;
    const x = Math.max(0, (layout.x0[node]! - from) * scale);
    const end = Math.min(widthPx, (layout.x1[node]! - from) * scale);
    if (end - x >= kHairline) {
      emit({ node, x, width: end - x });
      at += 1;
    } else {
      emit({ node, x, width: kHairline });
      at = Math.max(at + 1, firstEndingAfter(layout, row, from + (x + kHairline) / scale));
    }
  }
}

// The frame at that place, or -1.
export function nodeAt(layout: Layout, zoom: number, depth: number, xPx: number, widthPx: number): number {
  const row = layout.rows[depth];
  if (!row || xPx < 0 || xPx >= widthPx) return -1;
  const from = layout.x0[zoom]!;
  const x = from + (xPx / widthPx) * (layout.x1[zoom]! - from);
  const node = row[firstEndingAfter(layout, row, x)];
  return node !== undefined && layout.x0[node]! <= x ? node : -1;
}

// The frame that an arrow key leads to from node; node itself where there is none. Left and right stay in the row and
// inside the zoomed part.
export function neighbour(layout: Layout, zoom: number, node: number, direction: Direction): number {
  if (direction === 'parent') return Math.max(0, layout.tree.parent[node]!);
  if (direction === 'child') {
    const child = layout.children[layout.firstChild[node]!];
    const has = layout.firstChild[node + 1]! > layout.firstChild[node]!;
    return has && layout.x1[child!]! > layout.x0[child!]! ? child! : node;
  }
  const row = layout.rows[layout.tree.depth[node]!]!;
  const at = firstEndingAfter(layout, row, layout.x0[node]!);
  const next = row[direction === 'left' ? at - 1 : at + 1];
  return next !== undefined && isInside(layout, zoom, next) ? next : node;
}

export function isInside(layout: Layout, zoom: number, node: number): boolean {
  return layout.x0[node]! < layout.x1[zoom]! && layout.x1[node]! > layout.x0[zoom]!;
}

// The same place in another layout: follows the path of function names as far as it exists there, over frames that
// only one of the two layouts has.
export function samePlace(from: Layout, node: number, to: Layout): number {
  const names: string[] = [];
  for (let at = node; at > 0; at = from.tree.parent[at]!) names.push(nameOf(from, at));
  let place = 0;
  for (const name of names.reverse()) {
    const found = calleeNamed(to, place, name);
    if (found >= 0) place = found;
  }
  return place;
}

// A callee of that name, directly or else below callees that have no neighbour; -1 without one.
function calleeNamed(layout: Layout, node: number, name: string): number {
  const direct = shownCallees(layout, node);
  for (const callee of direct) if (nameOf(layout, callee) === name) return callee;
  for (const callee of direct) {
    for (let chain = shownCallees(layout, callee); chain.length === 1; chain = shownCallees(layout, chain[0]!)) {
      if (nameOf(layout, chain[0]!) === name) return chain[0]!;
    }
  }
  return -1;
}

function shownCallees(layout: Layout, node: number): Int32Array {
  const callees = layout.children.subarray(layout.firstChild[node]!, layout.firstChild[node + 1]!);
  return callees.filter((callee) => layout.x1[callee]! > layout.x0[callee]!);
}

function nameOf(layout: Layout, node: number): string {
  return layout.tree.frames[layout.tree.frame[node]!]!.function;
}
