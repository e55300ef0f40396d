// Search over frames by function or file, and totals by function.
import type { Layout } from './layout';
import type { FlameTree } from './tree';

export interface Matches {
  readonly query: string;
  readonly frames: Uint8Array; // [tree.frames] 1 where the frame matches
  readonly nodes: number; // matching nodes on show
  readonly share: number; // 0 to 1 of the layout's total; a match below a match counts once
  readonly widest: number; // the widest matching node, -1 without a match
}

export const kNoMatches: Matches = { query: '', frames: new Uint8Array(0), nodes: 0, share: 0, widest: -1 };

// Case does not count. An empty query matches nothing.
export function search(layout: Layout, query: string): Matches {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return kNoMatches;
  const { tree } = layout;
  const frames = Uint8Array.from(tree.frames, (frame) =>
    frame.function.toLowerCase().includes(wanted) || frame.file.toLowerCase().includes(wanted) ? 1 : 0);
  const covered = new Uint8Array(tree.size); // matched, or below a match
  let nodes = 0;
  let width = 0;
  let widest = -1;
  for (let i = 1; i < tree.size; i++) {
    const own = layout.x1[i]! - layout.x0[i]!;
    const above = covered[tree.parent[i]!]!;
    const isMatch = frames[tree.frame[i]!] === 1 && own > 0;
    covered[i] = above || (isMatch ? 1 : 0);
    if (!isMatch) continue;
    nodes += 1;
    if (!above) width += own;
    if (widest < 0 || own > layout.x1[widest]! - layout.x0[widest]!) widest = i;
  }
  return { query: wanted, frames, nodes, share: layout.total > 0 ? width / layout.total : 0, widest };
}

export interface FunctionTotal {
  function: string;
  file: string;
  line: number;
  value: number; // cumulative; a recursive call counts once
  self: number;
  delta: number;
  selfDelta: number;
}

// Totals by function, the largest growth (without a base: the largest self value) first, at most limit.
export function topFunctions(tree: FlameTree, limit: number): FunctionTotal[] {
  const totals = new Map<string, FunctionTotal>();
  const ofFrame = tree.frames.map((frame) => {
    let total = totals.get(frame.function);
    if (!total) {
      total = { ...frame, value: 0, self: 0, delta: 0, selfDelta: 0 };
      totals.set(frame.function, total);
    }
    return total;
  });
  const isOutermost = outermost(tree);
  for (let i = 1; i < tree.size; i++) {
    const total = ofFrame[tree.frame[i]!]!;
    total.self += tree.self[i]!;
    total.selfDelta += tree.selfDelta[i]!;
    if (isOutermost[i]) {
      total.value += tree.value[i]!;
      total.delta += tree.delta[i]!;
    }
  }
  const order = tree.isDiff
    ? (a: FunctionTotal, b: FunctionTotal) => b.selfDelta - a.selfDelta || b.delta - a.delta
    : (a: FunctionTotal, b: FunctionTotal) => b.self - a.self || b.value - a.value;
  return [...totals.values()].sort(order).slice(0, limit);
}

// 1 where no caller of the node is the same function. Walks depth first with a stack of its own.
function outermost(tree: FlameTree): Uint8Array {
  const names = new Map<string, number>();
  const idOf = tree.frames.map((frame) => {
    const id = names.get(frame.function) ?? names.size;
    names.set(frame.function, id);
    return id;
  });
  const { head, next } = childChains(tree);
  const open = new Int32Array(names.size); // how many callers on the path have this name
  const result = new Uint8Array(tree.size);
  const stack: number[] = [0];
  while (stack.length > 0) {
    const top = stack.pop()!;
    if (top < 0) {
      open[idOf[tree.frame[~top]!]!]! -= 1;
      continue;
    }
    if (top > 0) {
      const id = idOf[tree.frame[top]!]!;
      result[top] = open[id] === 0 ? 1 : 0;
      open[id]! += 1;
      stack.push(~top);
    }
    for (let child = head[top]!; child >= 0; child = next[child]!) stack.push(child);
  }
  return result;
}

function childChains(tree: FlameTree): { head: Int32Array; next: Int32Array } {
  const head = new Int32Array(tree.size).fill(-1);
  const next = new Int32Array(tree.size).fill(-1);
  for (let i = tree.size - 1; i > 0; i--) {
    next[i] = head[tree.parent[i]!]!;
    head[tree.parent[i]!] = i;
  }
  return { head, next };
}
