// A profile as a tree of frames in flat arrays, built from the API's answer. Node 0 is a root over everything; a
// parent's index is always less than its child's. Holds 100,000 nodes in about 6 MB; refuses more than kMaxNodes.

export interface FrameText {
  function: string;
  file: string;
  line: number;
  module: string;
}

export interface FlameTree {
  readonly type: string;
  readonly unit: string; // "bytes" or "objects"
  readonly isDiff: boolean;
  readonly size: number;
  readonly frames: readonly FrameText[];
  readonly frame: Int32Array; // [size] index into frames; -1 for the root
  readonly parent: Int32Array; // [size]; -1 for the root
  readonly depth: Int32Array; // [size]; the root is 0
  readonly value: Float64Array; // [size] cumulative
  readonly self: Float64Array; // [size]
  readonly delta: Float64Array; // [size] cumulative growth from the base; 0 without a base
  readonly selfDelta: Float64Array; // [size]
  readonly folded: Int32Array; // [size] library frames left out between the node and its caller (library.ts)
}

export const kMaxNodes = 1_000_000;

// Throws an Error that names the place when the answer is not a tree.
export function treeFromJson(raw: unknown): FlameTree {
  const body = asObject(raw, 'answer');
  const frames = asArray(body.frames, 'frames').map(readFrame);
  const nodes = asArray(body.nodes, 'nodes');
  if (nodes.length > kMaxNodes) {
    throw new Error(`${nodes.length} nodes are more than ${kMaxNodes}; narrow the time range`);
  }
  const isDiff = typeof body.base_total === 'number';
  const tree = emptyTree(String(body.type ?? ''), String(body.unit ?? 'bytes'), isDiff, frames, nodes.length + 1);
  nodes.forEach((node, i) => addNode(tree, asObject(node, `nodes[${i}]`), i + 1));
  finish(tree);
  return tree;
}

export interface StackSample {
  frames: readonly FrameText[]; // leaf first
  value: number;
  delta: number;
}

// Merges stacks by their common callers.
export function treeFromStacks(stacks: readonly StackSample[], type: string, unit: string): FlameTree {
  const frames: FrameText[] = [];
  const frameIndex = new Map<string, number>();
  const children = new Map<string, number>(); // "parent/frame" -> node
  const nodes: { frame: number; parent: number; value: number; self: number; delta: number }[] = [];
  for (const stack of stacks) {
    let parent = -1;
    for (let k = stack.frames.length - 1; k >= 0; k--) {
      const text = stack.frames[k]!;
      const name = `${text.function}\0${text.file}\0${text.line}`;
      const frame = frameIndex.get(name) ?? frames.push(text) - 1;
      frameIndex.set(name, frame);
      const place = `${parent}/${frame}`;
      const node: number = children.get(place) ?? nodes.push({ frame, parent, value: 0, self: 0, delta: 0 }) - 1;
      children.set(place, node);
      nodes[node]!.value += stack.value;
      nodes[node]!.delta += stack.delta;
      if (k === 0) nodes[node]!.self += stack.value;
      parent = node;
    }
  }
  return treeFromJson({ type, unit, total: 0, base_total: 0, frames, nodes });
}

export function frameOf(tree: FlameTree, node: number): FrameText {
  return tree.frames[tree.frame[node]!] ?? kRootFrame;
}

const kRootFrame: FrameText = { function: 'all', file: '', line: 0, module: '' };

// Root first, node last.
export function pathTo(tree: FlameTree, node: number): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = tree.parent[at]!) path.push(at);
  return path.reverse();
}

export function emptyTree(type: string, unit: string, isDiff: boolean, frames: readonly FrameText[], size: number): FlameTree {
  const tree: FlameTree = {
    type, unit, isDiff, size, frames,
    frame: new Int32Array(size),
    parent: new Int32Array(size),
    depth: new Int32Array(size),
    value: new Float64Array(size),
    self: new Float64Array(size),
    delta: new Float64Array(size),
    selfDelta: new Float64Array(size),
    folded: new Int32Array(size),
  };
  tree.frame[0] = -1;
  tree.parent[0] = -1;
  return tree;
}

function addNode(tree: FlameTree, node: Record<string, unknown>, at: number): void {
  const frame = readIndex(node.frame, 0, tree.frames.length, `nodes[${at - 1}].frame`);
  const parent = readIndex(node.parent, -1, at - 1, `nodes[${at - 1}].parent`) + 1;
  tree.frame[at] = frame;
  tree.parent[at] = parent;
  tree.depth[at] = tree.depth[parent]! + 1;
  tree.value[at] = readNumber(node.value);
  tree.self[at] = readNumber(node.self);
  tree.delta[at] = tree.isDiff ? readNumber(node.delta) : 0;
}

// The root sums its children; selfDelta is what the children's growth leaves unexplained.
function finish(tree: FlameTree): void {
  tree.selfDelta.set(tree.delta);
  for (let i = tree.size - 1; i > 0; i--) {
    const parent = tree.parent[i]!;
    tree.selfDelta[parent]! -= tree.delta[i]!;
    if (parent === 0) {
      tree.value[0]! += tree.value[i]!;
      tree.delta[0]! += tree.delta[i]!;
    }
  }
  tree.selfDelta[0] = 0;
}

function readFrame(raw: unknown, i: number): FrameText {
  const frame = asObject(raw, `frames[${i}]`);
  return {
    function: String(frame.function || '(unknown)'),
    file: String(frame.file ?? ''),
    line: readNumber(frame.line),
    module: String(frame.module ?? ''),
  };
}

function readIndex(raw: unknown, low: number, end: number, place: string): number {
  if (typeof raw !== 'number' || !Number.isInteger(raw) || raw < low || raw >= end) {
    throw new Error(`${place} is ${String(raw)}, expected ${low} to ${end - 1}`);
  }
  return raw;
}

function readNumber(raw: unknown): number {
  return typeof raw === 'number' && Number.isFinite(raw) ? raw : 0;
}

function asObject(raw: unknown, place: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null) throw new Error(`${place} is not an object`);
  return raw as Record<string, unknown>;
}

function asArray(raw: unknown, place: string): unknown[] {
  if (!Array.isArray(raw)) throw new Error(`${place} is not an array`);
  return raw;
}
