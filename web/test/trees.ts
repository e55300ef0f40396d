// Generated profiles for the tests: random shapes from a seed, values that add up.
import { treeFromJson, type FlameTree } from '../src/flame/tree';

export interface RawNode {
  frame: number;
  parent: number;
  value: number;
  self: number;
  delta: number;
}

// A small generator with a known sequence (Park and Miller, 1988), so that a failing tree can be made again.
export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

export function rawProfile(nodes: number, seed: number, isDiff = true) {
  const next = random(seed);
  const frames = Array.from({ length: Math.min(nodes, 2000) }, (_, i) => ({
    function: `ns${i % 7}::Class${i}::Method`, file: `src/part${i % 13}/file${i}.cc`, line: i, module: 'program',
  }));
  const rows: RawNode[] = [];
  for (let i = 0; i < nodes; i++) {
    const reach = Math.min(i, 50); // near parents make the tree deep, as stacks are
    const parent = i === 0 ? -1 : i - 1 - Math.floor(next() * reach);
    const self = Math.floor(next() * 1000);
    rows.push({ frame: Math.floor(next() * frames.length), parent, value: self, self, delta: Math.floor(self * (next() * 2 - 1)) });
  }
  for (let i = nodes - 1; i > 0; i--) {
    const parent = rows[rows[i]!.parent]!;
    parent.value += rows[i]!.value;
    parent.delta += rows[i]!.delta;
  }
  return { type: 'inuse_space', unit: 'bytes', total: rows[0]!.value, ...(isDiff ? { base_total: 0 } : {}), frames, nodes: rows };
}

export function randomTree(nodes: number, seed: number, isDiff = true): FlameTree {
  return treeFromJson(rawProfile(nodes, seed, isDiff));
}

// "a;b 10 +4" per line: a stack, root first, its own value and growth.
export function treeOf(text: string): FlameTree {
  const frames: { function: string; file: string; line: number; module: string }[] = [];
  const nodes: RawNode[] = [];
  const known = new Map<string, number>();
  for (const line of text.trim().split('\n')) {
    const [stack = '', self = '0', delta = '0'] = line.trim().split(' ');
    let parent = -1;
    stack.split(';').forEach((name, i, names) => {
      const path = names.slice(0, i + 1).join(';');
      let node = known.get(path);
      if (node === undefined) {
        frames.push({ function: name, file: `${name}.cc`, line: 1, module: '' });
        node = nodes.push({ frame: frames.length - 1, parent, value: 0, self: 0, delta: 0 }) - 1;
        known.set(path, node);
      }
      nodes[node]!.value += Number(self);
      nodes[node]!.delta += Number(delta);
      if (i === names.length - 1) nodes[node]!.self += Number(self);
      parent = node;
    });
  }
  return treeFromJson({ type: 'inuse_space', unit: 'bytes', total: 0, base_total: 0, frames, nodes });
}

export function nodeNamed(tree: FlameTree, name: string): number {
  for (let i = 1; i < tree.size; i++) {
    if (tree.frames[tree.frame[i]!]!.function === name) return i;
  }
  throw new Error(`no frame ${name}`);
}
