// Which frames are a library's or a runtime's, and how a picture or a list does without them. The rule is the one by
// which the server names a cause (src/diagnose/cause.cc), with the starts of threads added.
import { emptyTree, type FlameTree, type FrameText } from './tree';

const kFunctions = new RegExp(
  '^(void )?(std::|__gnu_cxx::|boost::|boost_asio|abi::|operator new|operator delete|malloc$|calloc$|realloc$|posix_memalign|aligned_alloc' +
    '|memalign|strdup|__|_start$|start_thread$|clone$|0x|runtime\\.|runtime/|core::|alloc::|<alloc::|<core::|<std::' +
    '|java\\.|javax\\.|jdk\\.|sun\\.|node:)',
);
const kFolders = /\/usr\/include\/|\/usr\/lib\/|\/pkg\/mod\/|\/node_modules\/|\/site-packages\/|\/\.cargo\/registry\/|\/rustc\/|\/libstdc\+\+|\/csu\/|nptl\/|sysdeps\/|^node:/;
const kGoStandard = new RegExp(
  '^((bufio|bytes|context|errors|fmt|io|log|maps|net|os|reflect|slices|strconv|strings|sync|time|sort)\\.' +
    '|(compress|crypto|database/sql|encoding|go|hash|html|internal|io|log|math|net|os|sync|text|vendor)/)',
);

export function isLibrary(frame: FrameText): boolean {
  if (kFunctions.test(frame.function) || kFolders.test(frame.file)) return true;
  return frame.file.endsWith('.go') && (frame.file.includes('@') || kGoStandard.test(frame.function));
}

// The tree without library frames that only pass on: one callee, nothing allocated by themselves. Forks and leaves
// stay, so every byte stays where it was; `folded` counts what was left out above each node.
export function foldLibrary(tree: FlameTree): FlameTree {
  const isKept = keptNodes(tree);
  const size = isKept.reduce((sum, kept) => sum + kept, 0);
  const out = emptyTree(tree.type, tree.unit, tree.isDiff, tree.frames, size);
  const place = new Int32Array(tree.size); // of the node itself, or of its nearest kept caller
  const skipped = new Int32Array(tree.size); // left out between the node and that caller, the node included
  let next = 1;
  for (let i = 1; i < tree.size; i++) {
    const parent = tree.parent[i]!;
    if (!isKept[i]) {
      place[i] = place[parent]!;
      skipped[i] = (isKept[parent] ? 0 : skipped[parent]!) + 1;
      continue;
    }
    const at = next++;
    place[i] = at;
    out.parent[at] = place[parent]!;
    out.folded[at] = isKept[parent] ? 0 : skipped[parent]!;
    out.depth[at] = out.depth[out.parent[at]!]! + 1;
    out.frame[at] = tree.frame[i]!;
    for (const key of ['value', 'self', 'delta', 'selfDelta'] as const) out[key][at] = tree[key][i]!;
  }
  for (const key of ['value', 'self', 'delta', 'selfDelta'] as const) out[key][0] = tree[key][0]!;
  return out;
}

function keptNodes(tree: FlameTree): Uint8Array {
  const callees = new Int32Array(tree.size);
  for (let i = 1; i < tree.size; i++) callees[tree.parent[i]!]! += 1;
  const fromLibrary = tree.frames.map(isLibrary);
  const isKept = new Uint8Array(tree.size).fill(1);
  for (let i = 1; i < tree.size; i++) {
    const passesOn = callees[i] === 1 && tree.self[i] === 0 && tree.selfDelta[i] === 0;
    if (passesOn && fromLibrary[tree.frame[i]!]) isKept[i] = 0;
  }
  return isKept;
}

export interface FrameGroup<T> {
  isLibrary: boolean;
  frames: T[];
}

// Runs of frames to show and, from kMinRun on, runs of library frames to fold; keep says which stand in any case.
const kMinRun = 3;

export function groupFrames<T extends FrameText>(frames: readonly T[], keep: (frame: T) => boolean): FrameGroup<T>[] {
  const groups: FrameGroup<T>[] = [];
  for (const frame of frames) {
    const folds = isLibrary(frame) && !keep(frame);
    const last = groups[groups.length - 1];
    if (last && last.isLibrary === folds) last.frames.push(frame);
    else groups.push({ isLibrary: folds, frames: [frame] });
  }
  return groups.map((group) => (group.frames.length < kMinRun ? { ...group, isLibrary: false } : group));
}
