import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSurvivors } from '../src/survivors_model';

test('survivors of the API are read by route', () => {
  const [row] = readSurvivors({
    routes: [{
      service: 'shop', version: '1.0.0', route: '/checkout', bytes: 4805221, objects: 23586, oldest_end: '2026-11-22T19:38:25Z', suspect: true,
      growth_bytes_per_hour: { value: 9e8, low: 1, high: 2 }, instances: ['a', 'b'], traces: [{ trace_id: 'ab', bytes: 65637, start: '' }],
    }],
  });
  assert.deepEqual(row, {
    version: '1.0.0', route: '/checkout', bytes: 4805221, objects: 23586, oldestEnd: Date.UTC(2026, 10, 22, 19, 38, 25), growthBytesPerHour: 9e8,
    isSuspect: true, instances: 2, traces: [{ traceId: 'ab', bytes: 65637, start: null }],
  });
});

test('an answer that is no list has no survivors', () => {
  for (const raw of [null, 7, [], {}, { routes: 'none' }]) assert.deepEqual(readSurvivors(raw), []);
  assert.deepEqual(readSurvivors({ routes: [null] })[0]!.traces, []);
});
