// Where each frame stands: a row per depth, and in it an interval of [0, total) in the profile's own unit. A layout
// never changes; zooming only changes the part of it that is shown (view.ts).
import type { FlameTree } from './tree';

export type WidthBy = 'value' | 'growth'; // what is in use, or only what grew

export interface Layout {
  readonly tree: FlameTree;
  readonly widthBy: WidthBy;
  readonly total: number;
  readonly x0: Float64Array; // [size]
  readonly x1: Float64Array; // [size]; x1 == x0: not shown
  readonly rows: readonly Int32Array[]; // nodes by depth, left to right, none of width 0
  readonly firstChild: Int32Array; // [size + 1] into children
  readonly children: Int32Array; // [size - 1] widest first under each parent
}

export function layOut(tree: FlameTree, widthBy: WidthBy): Layout {
  const width = widths(tree, widthBy);
  const { firstChild, children } = childLists(tree, width);
  const x0 = new Float64Array(tree.size);
  const x1 = new Float64Array(tree.size);
  x1[0] = width[0]!;
  for (let i = 0; i < tree.size; i++) {
    let x = x0[i]!;
    for (let k = firstChild[i]!; k < firstChild[i + 1]!; k++) {
      const child = children[k]!;
      x0[child] = x;
      x += width[child]!;
      x1[child] = x;
    }
  }
  return { tree, widthBy, total: width[0]!, x0, x1, rows: rowsOf(firstChild, children, width), firstChild, children };
}

// A parent is at least as wide as its children together, whatever the answer says.
function widths(tree: FlameTree, widthBy: WidthBy): Float64Array {
  const own = widthBy === 'growth' ? tree.selfDelta : tree.self;
  const width = new Float64Array(tree.size);
  for (let i = tree.size - 1; i >= 0; i--) {
    width[i]! += Math.max(0, own[i]!); // holds the children's sum by now
    if (widthBy === 'value') width[i] = Math.max(width[i]!, tree.value[i]!);
    if (i > 0) width[tree.parent[i]!]! += width[i]!;
  }
  return width;
}

function childLists(tree: FlameTree, width: Float64Array): { firstChild: Int32Array; children: Int32Array } {
  const firstChild = new Int32Array(tree.size + 1);
  for (let i = 1; i < tree.size; i++) firstChild[tree.parent[i]! + 1]! += 1;
  for (let i = 0; i < tree.size; i++) firstChild[i + 1]! += firstChild[i]!;
  const next = firstChild.slice();
  const children = new Int32Array(tree.size - 1);
  for (let i = 1; i < tree.size; i++) children[next[tree.parent[i]!]!++] = i;
  for (let i = 0; i < tree.size; i++) {
    if (firstChild[i + 1]! - firstChild[i]! > 1) {
      children.subarray(firstChild[i], firstChild[i + 1]).sort((a, b) => width[b]! - width[a]! || a - b);
    }
  }
  return { firstChild, children };
}

function rowsOf(firstChild: Int32Array, children: Int32Array, width: Float64Array): Int32Array[] {
  const rows: Int32Array[] = [];
  let row: number[] = [0];
  while (row.length > 0) {
    rows.push(Int32Array.from(row));
    const below: number[] = [];
    for (const node of row) {
      for (let k = firstChild[node]!; k < firstChild[node + 1]!; k++) {
        if (width[children[k]!]! > 0) below.push(children[k]!);
      }
    }
    row = below;
  }
  return rows;
}
