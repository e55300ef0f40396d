import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut } from '../src/flame/layout';
import { foldLibrary, groupFrames, isLibrary } from '../src/flame/library';
import { search } from '../src/flame/search';
import { samePlace } from '../src/flame/view';
import { nodeNamed, randomTree, treeOf } from './trees';

const frame = (name: string, file = '') => ({ function: name, file, line: 0, module: '' });

test('frames of compilers, runtimes and package managers are a library\'s', () => {
  for (const [name, file] of [
    ['std::vector::push_back', ''], ['boost::asio::io_context::run', ''], ['operator new', ''], ['__clone3', ''], ['0xd44a3', ''],
    ['start_thread', 'nptl/pthread_create.c'], ['helper', '/usr/include/c++/12/bits/move.h'], ['runtime.main', 'runtime/proc.go'],
    ['net/http.(*conn).serve', 'net/http/server.go'], ['x.Y', 'github.com/a/b@v1.2.3/y.go'], ['f', '/srv/node_modules/a/b.js'],
  ] as const) assert.ok(isLibrary(frame(name, file)), name);
});

test('own frames are not', () => {
  for (const [name, file] of [
    ['shop::KeepEndedSpan', '/src/span_archive.cc'], ['main', '/src/main.cc'], ['main.(*Store).Keep', 'main.go'], ['network.Send', 'network/send.go'],
    ['com.acme.Shop.checkout', 'Shop.java'], ['stdlike::f', ''], ['mallocator', ''],
  ] as const) assert.ok(!isLibrary(frame(name, file)), name);
});

test('library frames that only pass on are folded; forks, leaves and own frames stay', () => {
  const folded = foldLibrary(treeOf('main;std::a;std::b;own;std::leaf 10 4\nmain;std::a;std::b;own;std::c;x 5 1\nmain;std::fork;y 1\nmain;std::fork;z 1'));
  const names = Array.from({ length: folded.size - 1 }, (_, i) => folded.frames[folded.frame[i + 1]!]!.function);
  assert.deepEqual(names, ['main', 'own', 'std::leaf', 'x', 'std::fork', 'y', 'z']);
  assert.equal(folded.folded[nodeNamed(folded, 'own')], 2);
  assert.equal(folded.folded[nodeNamed(folded, 'std::leaf')], 0);
  assert.equal(folded.depth[nodeNamed(folded, 'x')], 3);
});

test('folding moves no byte: totals, own values and widths of what stays are the same', () => {
  const tree = randomTree(100_000, 5);
  for (const [i, each] of tree.frames.entries()) if (i % 3 === 0) each.function = `std::f${i}`;
  const folded = foldLibrary(tree);
  assert.ok(folded.size < tree.size);
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  assert.deepEqual([folded.value[0], folded.delta[0], sum(folded.self)], [tree.value[0], tree.delta[0], sum(tree.self)]);
  assert.equal(layOut(folded, 'growth').total, layOut(tree, 'growth').total);
  assert.equal(search(layOut(folded, 'value'), 'class10').share > 0, true);
});

test('own code is found again when all frames are shown, and back', () => {
  const whole = treeOf('main;std::a;std::b;own;std::c;x 10\nmain;other 1');
  const [all, own] = [layOut(whole, 'value'), layOut(foldLibrary(whole), 'value')];
  assert.equal(samePlace(own, nodeNamed(own.tree, 'x'), all), nodeNamed(whole, 'x'));
  assert.equal(samePlace(all, nodeNamed(whole, 'x'), own), nodeNamed(own.tree, 'x'));
  assert.equal(samePlace(all, nodeNamed(whole, 'std::b'), own), nodeNamed(own.tree, 'main'));
});

test('runs of three library frames fold in a list, the cause never does', () => {
  const stack = ['std::cause', 'std::a', 'std::b', 'own', 'std::c', 'std::d', 'std::e', 'std::f'].map((name) => frame(name));
  const groups = groupFrames(stack, (each) => each.function === 'std::cause');
  assert.deepEqual(groups.map((group) => [group.isLibrary, group.frames.length]), [[false, 1], [false, 2], [false, 1], [true, 4]]);
});
