import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut, type Layout } from '../src/flame/layout';
import { growthRatio } from '../src/flame/paint';
import { search, topFunctions } from '../src/flame/search';
import { kMaxNodes, pathTo, treeFromJson, treeFromStacks } from '../src/flame/tree';
import { boxesOfRow, neighbour, nodeAt, samePlace, type Box } from '../src/flame/view';
import { nodeNamed, random, randomTree, rawProfile, treeOf } from './trees';

const kLarge = 100_000;
const kSeed = 20240817;

function boxes(layout: Layout, zoom: number, row: number, width: number): Box[] {
  const out: Box[] = [];
  boxesOfRow(layout, zoom, row, width, (box) => out.push(box));
  return out;
}

function near(a: number, b: number, scale: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(1, scale);
}

test('the root holds the sum of all stacks', () => {
  const raw = rawProfile(kLarge, kSeed);
  const tree = treeFromJson(raw);
  assert.equal(tree.size, kLarge + 1);
  assert.equal(tree.value[0], raw.total);
  assert.equal(tree.delta[0], raw.nodes[0]!.delta);
});

test('own growth over all frames adds up to the growth of the root', () => {
  const tree = randomTree(kLarge, kSeed);
  assert.equal(tree.selfDelta.reduce((sum, delta) => sum + delta, 0), tree.delta[0]);
});

test('an answer that is no tree is refused with its place', () => {
  const frames = [{ function: 'f', file: '', line: 0, module: '' }];
  const cases: [unknown, RegExp][] = [
    [null, /answer is not an object/],
    [{ nodes: [] }, /frames is not an array/],
    [{ frames, nodes: {} }, /nodes is not an array/],
    [{ frames: [7], nodes: [] }, /frames\[0\] is not an object/],
    [{ frames, nodes: [{ frame: 1, parent: -1 }] }, /nodes\[0\]\.frame is 1/],
    [{ frames, nodes: [{ frame: 0, parent: 0 }] }, /nodes\[0\]\.parent is 0/],
    [{ frames, nodes: [{ frame: 0, parent: -2 }] }, /nodes\[0\]\.parent is -2/],
    [{ frames, nodes: [{ frame: 0, parent: -1 }, { frame: 0.5, parent: 0 }] }, /nodes\[1\]\.frame is 0\.5/],
    [{ frames, nodes: new Array(kMaxNodes + 1) }, /narrow the time range/],
  ];
  for (const [raw, message] of cases) assert.throws(() => treeFromJson(raw), message);
});

test('a profile without nodes has an empty layout', () => {
  const layout = layOut(treeFromJson({ frames: [], nodes: [] }), 'value');
  assert.equal(layout.total, 0);
  assert.deepEqual(boxes(layout, 0, 0, 500), []);
  assert.equal(nodeAt(layout, 0, 0, 10, 500), -1);
});

for (const widthBy of ['value', 'growth'] as const) {
  test(`by ${widthBy}: children stand inside their parent, side by side, widest first`, () => {
    const layout = layOut(randomTree(kLarge, kSeed), widthBy);
    const { tree, x0, x1 } = layout;
    for (let i = 0; i < tree.size; i++) {
      let x = x0[i]!;
      let last = Infinity;
      for (let k = layout.firstChild[i]!; k < layout.firstChild[i + 1]!; k++) {
        const child = layout.children[k]!;
        const width = x1[child]! - x0[child]!;
        assert.equal(tree.parent[child], i);
        assert.ok(near(x0[child]!, x, layout.total));
        assert.ok(width <= last + 1e-6 * layout.total);
        x = x1[child]!;
        last = width;
      }
      assert.ok(x <= x1[i]! + 1e-6 * layout.total, `node ${i}`);
    }
  });

  test(`by ${widthBy}: a row lists its frames from left to right without overlap`, () => {
    const layout = layOut(randomTree(kLarge, kSeed), widthBy);
    for (const row of layout.rows) {
      for (let i = 1; i < row.length; i++) assert.ok(layout.x1[row[i - 1]!]! <= layout.x0[row[i]!]! + 1e-6 * layout.total);
    }
  });
}

test('by growth only what grew has width: shrinking frames and their rows vanish', () => {
  const tree = treeOf('main;leak 50 40\nmain;cache 30 -20\nmain;steady 10 0');
  const layout = layOut(tree, 'growth');
  const width = (name: string) => layout.x1[nodeNamed(tree, name)]! - layout.x0[nodeNamed(tree, name)]!;
  assert.equal(layout.total, 40);
  assert.deepEqual([width('main'), width('leak'), width('cache'), width('steady')], [40, 40, 0, 0]);
  assert.equal(layout.rows[2]!.length, 1);
});

test('a stack of 100,000 frames is laid out, searched and summed without recursion', () => {
  const frames = [{ function: 'f', file: '', line: 0, module: '' }];
  const nodes = Array.from({ length: kLarge }, (_, i) => ({ frame: 0, parent: i - 1, value: 8, self: i === kLarge - 1 ? 8 : 0 }));
  const tree = treeFromJson({ type: 't', unit: 'bytes', frames, nodes });
  const layout = layOut(tree, 'value');
  assert.equal(layout.rows.length, kLarge + 1);
  assert.equal(search(layout, 'f').nodes, kLarge);
  assert.deepEqual(topFunctions(tree, 5).map(({ value, self }) => [value, self]), [[8, 8]]); // recursion counts once
});

test('no row draws more boxes than it has pixels, and boxes follow one another', () => {
  const layout = layOut(randomTree(kLarge, kSeed), 'value');
  for (let row = 0; row < layout.rows.length; row++) {
    const drawn = boxes(layout, 0, row, 360);
    assert.ok(drawn.length <= 361, `row ${row}: ${drawn.length}`);
    for (let i = 1; i < drawn.length; i++) assert.ok(drawn[i]!.x >= drawn[i - 1]!.x);
    for (const box of drawn) assert.ok(box.x >= 0 && box.x <= 360 && box.width >= 1 && box.x + box.width <= 361.001);
  }
});

test('every frame of two pixels or more is drawn with its own box', () => {
  const layout = layOut(randomTree(kLarge, kSeed), 'value');
  const width = 1200;
  layout.rows.forEach((row, depth) => {
    const drawn = new Set(boxes(layout, 0, depth, width).map((box) => box.node));
    for (const node of row) {
      if (((layout.x1[node]! - layout.x0[node]!) / layout.total) * width >= 2) assert.ok(drawn.has(node));
    }
  });
});

test('a zoomed frame and its callers fill the whole width', () => {
  const layout = layOut(randomTree(kLarge, kSeed), 'value');
  const zoom = layout.rows[12]![0]!;
  for (const node of pathTo(layout.tree, zoom)) {
    const drawn = boxes(layout, zoom, layout.tree.depth[node]!, 800);
    assert.deepEqual(drawn, [{ node, x: 0, width: 800 }]);
  }
});

test('the frame under the pointer is the one drawn there', () => {
  const layout = layOut(randomTree(kLarge, kSeed), 'value');
  const next = random(kSeed);
  let checked = 0;
  for (let i = 0; i < 2000; i++) {
    const row = Math.floor(next() * Math.min(60, layout.rows.length));
    const drawn = boxes(layout, 0, row, 1000).filter((box) => box.width >= 2);
    const box = drawn[Math.floor(next() * drawn.length)];
    if (!box) continue;
    assert.equal(nodeAt(layout, 0, row, box.x + box.width / 2, 1000), box.node);
    checked += 1;
  }
  assert.ok(checked > 1000);
});

test('beside the frames there is nothing under the pointer', () => {
  const layout = layOut(treeOf('main;a 10\nmain 10'), 'value');
  assert.equal(nodeAt(layout, 0, 2, 900, 1000), -1);
  assert.equal(nodeAt(layout, 0, 9, 100, 1000), -1);
  assert.equal(nodeAt(layout, 0, 0, -1, 1000), -1);
});

test('arrows lead to caller, widest callee and neighbours, and stay inside the zoomed frame', () => {
  const tree = treeOf('main;a;x 50\nmain;b;y 30\nmain;c 20');
  const layout = layOut(tree, 'value');
  const [main, a, b, c, x, y] = ['main', 'a', 'b', 'c', 'x', 'y'].map((name) => nodeNamed(tree, name)) as [number, number, number, number, number, number];
  assert.equal(neighbour(layout, 0, main, 'child'), a);
  assert.equal(neighbour(layout, 0, a, 'right'), b);
  assert.equal(neighbour(layout, 0, c, 'right'), c);
  assert.equal(neighbour(layout, 0, y, 'left'), x); // over the border of their callers
  assert.equal(neighbour(layout, b, y, 'left'), y);
  assert.equal(neighbour(layout, 0, y, 'parent'), b);
  assert.equal(neighbour(layout, 0, 0, 'parent'), 0);
  assert.equal(neighbour(layout, 0, c, 'child'), c);
});

test('a match below a match counts once in the share', () => {
  const layout = layOut(treeOf('main;keep;keep 60\nmain;other 40'), 'value');
  const found = search(layout, ' KEEP ');
  assert.equal(found.nodes, 2);
  assert.equal(found.share, 0.6);
  assert.equal(layout.tree.depth[found.widest], 2);
});

test('search looks into files, and an empty query or a miss finds nothing', () => {
  const layout = layOut(treeOf('main;keep 60\nmain;other 40'), 'value');
  assert.equal(search(layout, 'other.cc').share, 0.4);
  assert.equal(search(layout, '   ').nodes, 0);
  assert.deepEqual([search(layout, 'nowhere').nodes, search(layout, 'nowhere').widest], [0, -1]);
});

test('the share of all frames of a large tree is that of the plain sum', () => {
  const layout = layOut(randomTree(kLarge, kSeed), 'value');
  const { tree } = layout;
  const found = search(layout, 'class12');
  let sum = 0;
  let count = 0;
  for (let i = 1; i < tree.size; i++) {
    const isMatch = (node: number) => tree.frames[tree.frame[node]!]!.function.toLowerCase().includes('class12');
    if (!isMatch(i)) continue;
    count += layout.x1[i]! > layout.x0[i]! ? 1 : 0;
    if (!pathTo(tree, tree.parent[i]!).some((node) => node > 0 && isMatch(node))) sum += layout.x1[i]! - layout.x0[i]!;
  }
  assert.ok(count > 100);
  assert.equal(found.nodes, count);
  assert.ok(near(found.share, sum / layout.total, 1));
});

test('functions are ranked by own growth, without a base by own use', () => {
  const diff = treeOf('main;a 50 5\nmain;b 10 9\nmain;c 30 -8');
  assert.deepEqual(topFunctions(diff, 10).map((row) => row.function), ['b', 'a', 'main', 'c']);
  assert.equal(topFunctions(diff, 2).length, 2);
  const plain = treeFromStacks([{ frames: [{ function: 'x', file: '', line: 0, module: '' }], value: 3, delta: 0 }], 't', 'bytes');
  assert.deepEqual({ ...topFunctions({ ...plain, isDiff: false }, 1)[0] }, { function: 'x', file: '', line: 0, module: '', value: 3, self: 3, delta: 0, selfDelta: 0 });
});

test('stacks with common callers share their frames', () => {
  const frame = (name: string) => ({ function: name, file: '', line: 0, module: '' });
  const tree = treeFromStacks([
    { frames: [frame('a'), frame('main')], value: 10, delta: 4 },
    { frames: [frame('b'), frame('main')], value: 5, delta: 1 },
  ], 'inuse_space', 'bytes');
  assert.equal(tree.size, 4);
  assert.deepEqual([tree.value[nodeNamed(tree, 'main')], tree.delta[nodeNamed(tree, 'main')], tree.self[nodeNamed(tree, 'a')]], [15, 5, 10]);
});

test('the place is kept by function names when the profile is renewed', () => {
  const before = layOut(treeOf('main;a;x 50\nmain;b;y 30'), 'value');
  const after = layOut(treeOf('main;new 90\nmain;b;y 31\nmain;a 1'), 'value');
  const at = (layout: Layout, name: string) => nodeNamed(layout.tree, name);
  assert.equal(samePlace(before, at(before, 'y'), after), at(after, 'y'));
  assert.equal(samePlace(before, at(before, 'x'), after), at(after, 'a')); // x is gone: its caller
  assert.equal(samePlace(before, 0, after), 0);
});

test('colour follows the part of a frame that is new or gone', () => {
  const tree = treeOf('new 40 40\nhalf 40 20\nsame 40 0\nless 20 -20\ngone 0 -40');
  const ratios = ['new', 'half', 'same', 'less', 'gone'].map((name) => growthRatio(tree, nodeNamed(tree, name)));
  assert.deepEqual(ratios, [1, 0.5, 0, -0.5, -1]);
});
