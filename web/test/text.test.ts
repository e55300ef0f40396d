import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fit, place, shortFile, shortFunction } from '../src/flame/names';
import * as format from '../src/format';
import { formatRoute, parseRoute, type Route } from '../src/route';

const kMiB = 1024 * 1024;
const kMinute = 60_000;
const kHour = 60 * kMinute;

function table<T>(call: (input: T) => string, cases: [T, string][]): void {
  for (const [input, expected] of cases) assert.equal(call(input), expected, String(input));
}

test('sizes have three digits and a binary unit', () => {
  table(format.bytes, [[0, '0 B'], [999, '999 B'], [1000, '0.98 KiB'], [1536, '1.5 KiB'], [412 * kMiB, '412 MiB'],
    [1023.6 * kMiB, '1 GiB'], [12.2 * 1024 * kMiB, '12.2 GiB'], [-1536, '-1.5 KiB'], [NaN, '\u2013'], [2 ** 80, '1073741824 PiB']]);
});

test('growth carries its sign', () => {
  table(format.perHour, [[412 * kMiB, '+412 MiB/h'], [-kMiB, '\u22121 MiB/h'], [0, '0 B/h']]);
  assert.equal(format.signedCount(-12345), '\u221212.3 k');
});

test('an interval has one unit for both ends', () => {
  assert.equal(format.interval(391 * kMiB, 437 * kMiB), '391 \u2013 437 MiB/h');
  assert.equal(format.interval(-kMiB, 7 * kMiB), '\u22121 \u2013 7 MiB/h');
  assert.equal(format.interval(512 * kMiB, 2048 * kMiB), '0.5 \u2013 2 GiB/h');
});

test('a percentage never rounds up to certainty or down to nothing', () => {
  table(format.percent, [[0, '0 %'], [0.0004, '<0.1 %'], [0.05, '5.0 %'], [0.5, '50 %'], [0.993, '99.3 %'], [0.9999, '99.9 %'], [1, '100 %']]);
});

test('durations have at most two units', () => {
  table(format.duration, [[-5, '0 s'], [45_000, '45 s'], [2 * kMinute, '2 min'], [80 * kMinute, '80 min'], [100 * kMinute, '1 h 40 min'],
    [3 * kHour, '3 h'], [76 * kHour, '3 d 4 h'], [40 * 24 * kHour, '40 d']]);
  table(format.milliseconds, [[0.25, '250 \u00b5s'], [12.4, '12.4 ms'], [15_000, '15 s']]);
});

test('money and counts stay short', () => {
  table(format.dollars, [[0.5, '$0.50'], [42.4, '$42'], [1834.5, '$1.8k'], [42_000, '$42k'], [3.2e6, '$3.2M']]);
  table(format.count, [[7, '7'], [48.21, '48.2'], [9999, '9999'], [81_234, '81.2 k'], [2.5e6, '2.5 M']]);
});

test('functions lose arguments, templates and package paths', () => {
  table(shortFunction, [
    ['leaky::Store::Keep(std::shared_ptr<leaky::Span const>)', 'leaky::Store::Keep'],
    ['std::vector<leaky::Span, std::allocator<leaky::Span> >::push_back(leaky::Span const&)', 'std::vector::push_back'],
    ['void leaky::Run<int>(int)', 'leaky::Run'],
    ['operator new(unsigned long)', 'operator new'],
    ['(anonymous namespace)::Keep(int)', '{anon}::Keep'],
    ['github.com/acme/shop/cache.(*Cache).Add', 'cache.(*Cache).Add'],
    ['main.(*Store).Keep', 'main.(*Store).Keep'],
    ['net/http.(*conn).serve', 'http.(*conn).serve'],
    ['com.acme.Shop.checkout', 'com.acme.Shop.checkout'],
    ['malloc', 'malloc'], ['(unknown)', '(unknown)'], ['', ''],
  ]);
});

test('places and files', () => {
  assert.equal(place('/a/b.cc', 41), '/a/b.cc:41');
  assert.equal(place('/a/b.cc', 0), '/a/b.cc');
  assert.equal(place('', 41), '');
  table(shortFile, [['/src/examples/leaky/store.cc', 'leaky/store.cc'], ['store.cc', 'store.cc'], ['', '']]);
});

test('a name that does not fit keeps both ends and never grows', () => {
  assert.equal(fit('short', 10), 'short');
  assert.equal(fit('abcdefghij', 6), 'ab\u2026hij');
  assert.equal(fit('abcdefghij', 2), '');
  for (let n = 0; n < 40; n++) assert.ok(fit('leaky::SpanStore::KeepForever', n).length <= n);
});

test('a route survives the way into the address and back', () => {
  const routes: Route[] = [
    { page: 'inbox', state: 'open', service: '' },
    { page: 'inbox', state: 'resolved', service: 'shop & co' },
    { page: 'incident', id: 'a/b?c#d%' },
    { page: 'service', service: 'caf\u00e9/1' },
  ];
  for (const route of routes) assert.deepEqual(parseRoute(formatRoute(route)), route);
});

test('an address typed wrongly leads to the inbox', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/incidents', '#/?state=sideways']) {
    assert.deepEqual(parseRoute(hash), { page: 'inbox', state: 'open', service: '' }, hash);
  }
  assert.deepEqual(parseRoute('#/services/%E0%A4%A'), { page: 'service', service: '%E0%A4%A' });
});
