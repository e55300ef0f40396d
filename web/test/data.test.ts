import assert from 'node:assert/strict';
import { test } from 'node:test';
import { align, byteTicks, sparkPoints } from '../src/chart_data';
import { readIncident, readSeries, readTargets, type Incident } from '../src/model';
import { servicesOf, sortIncidents, versionText } from '../src/services';
import { chartSpan, diffSpans, stepSeconds } from '../src/windows';

const kMinute = 60_000;

test('an incident of the API is read with all its evidence', () => {
  const incident = readIncident({
    id: 'i-1', state: 'open', kind: 'heap', service: 'shop', versions: ['1.0.0'], instances: ['a', 'b'],
    onset: '2026-11-22T15:20:55Z', resolved: null, oom_eta: '', monthly_cost_usd: 12.5, confidence: 0.99,
    growth_bytes_per_hour: { value: 3, low: 1, high: 5 },
    evidence: {
      stacks: [{ stack_id: '9f', frames: [{ function: 'f', file: 'f.cc', line: 4 }], cause: 'f', cause_line: 4, inuse_bytes: 7 }],
      routes: [{ route: 'GET /', growth_share: 0.9, method: 'span' }],
      traces: [{ trace_id: 'ab', span_id: 'cd', duration_ms: 1.5, ended: true, start: '2026-11-22T15:21:00Z' }],
      captures: [{ id: 'c-1', role: 'worst', time: '2026-11-22T15:22:00Z' }],
      retention: ['root'], heap_dumps: [{ id: 'd-1', headline: '92 % of the heap is held by main.cache', partial: true }], deploy: { version: '1.0.0', time: '2026-11-22T15:20:00Z' },
    },
  });
  assert.equal(incident.onset, Date.UTC(2026, 10, 22, 15, 20, 55));
  assert.equal(incident.resolved, null);
  assert.equal(incident.oomEta, null);
  assert.deepEqual(incident.growthBytesPerHour, { value: 3, low: 1, high: 5 });
  assert.deepEqual([incident.stacks[0]!.frames[0]!.line, incident.stacks[0]!.inuseBytes], [4, 7]);
  assert.deepEqual([incident.routes[0]!.method, incident.traces[0]!.ended, incident.captures[0]!.role], ['span', true, 'worst']);
  assert.deepEqual([incident.heapDumps[0]!.headline, incident.heapDumps[0]!.partial], ['92 % of the heap is held by main.cache', true]);
  assert.deepEqual(incident.deploy, { version: '1.0.0', time: Date.UTC(2026, 10, 22, 15, 20) });
});

test('whatever is missing or of the wrong kind reads as missing', () => {
  for (const raw of [null, 7, 'x', [], {}, { evidence: 3, versions: {}, growth_bytes_per_hour: 'much', onset: 5, deploy: null }]) {
    const incident = readIncident(raw);
    assert.deepEqual([incident.stacks, incident.versions, incident.growthBytesPerHour.value, incident.onset, incident.deploy], [[], [], 0, null, null]);
  }
  assert.deepEqual(readTargets({ targets: 'none' }), []);
});

test('points that are no points are left out, and the rest is put in order of time', () => {
  const { series } = readSeries({ series: [{ version: '1', attributes: { pool: 'old', n: 2 }, points: [[20, 2], [10, 1], [30, null], 'x', [40]] }] });
  assert.deepEqual(series[0]!.points, [[10, 1], [20, 2]]);
  assert.equal(series[0]!.attributes, 'pool=old, n=2');
});

test('series of different times share one axis with gaps', () => {
  const aligned = align([
    { name: 'a', points: [[1000, 1], [3000, 3]] },
    { name: 'b', points: [[2000, 20], [3000, 30]] },
  ]);
  assert.deepEqual(aligned, { times: [1, 2, 3], values: [[1, null, 3], [null, 20, 30]] });
});

test('ticks of bytes stand at powers of two times a whole number', () => {
  assert.deepEqual(byteTicks(0, 1000, 4), [0, 256, 512, 768]);
  assert.deepEqual(byteTicks(0, 0, 5), [0]);
  assert.ok(byteTicks(0, 300 * 1024 ** 2, 5).length <= 6);
});

test('a spark line fills its box, and a flat one stays flat', () => {
  assert.equal(sparkPoints([[0, 0], [10, 100]], 100, 20), '0.0,20.0 100.0,0.0');
  assert.equal(sparkPoints([[0, 100], [10, 100]], 100, 20), '0.0,10.0 100.0,10.0');
  assert.equal(sparkPoints([[0, 100]], 100, 20), '');
});

function incident(change: Partial<Incident>): Incident {
  return { ...readIncident({}), id: 'i', state: 'open', ...change };
}

test('what grows most comes first, resolved incidents last', () => {
  const order = sortIncidents([
    incident({ id: 'old', state: 'resolved', resolved: 1 }),
    incident({ id: 'small', totalGrowthBytesPerHour: { value: 1, low: 0, high: 2 } }),
    incident({ id: 'new', state: 'resolved', resolved: 2 }),
    incident({ id: 'large', totalGrowthBytesPerHour: { value: 9, low: 0, high: 2 } }),
  ]).map((each) => each.id);
  assert.deepEqual(order, ['large', 'small', 'new', 'old']);
});

test('services gather their processes; growing ones come first, a resolved incident leaves a service clean', () => {
  const target = (service: string, version: string, lastSeen: number) => ({ service, namespace: '', version, instance: `${service}${lastSeen}`, firstSeen: 0, lastSeen });
  const services = servicesOf(
    [target('b', '1', 5), target('a', '1', 1), target('b', '2', 9)],
    [incident({ service: 'b' }), incident({ service: 'a', state: 'resolved' })],
  );
  assert.deepEqual(services.map(({ name, versions, instances, open }) => [name, versions, instances, open.length]), [['b', ['2', '1'], 2, 1], ['a', ['1'], 1, 0]]);
  assert.equal(versionText(['2', '1', '0']), '2 and 2 more');
});

test('the chart shows quiet time before the onset and the deploy that caused it', () => {
  const onset = 1_000 * kMinute;
  const now = onset + 30 * kMinute;
  const span = chartSpan({ onset, detected: onset + kMinute, resolved: null, deploy: onset - 12 * kMinute }, now);
  assert.deepEqual(span, { from: onset - 13 * kMinute, to: now });
  assert.equal(chartSpan({ onset, detected: null, resolved: null, deploy: null }, onset).from, onset - 5 * kMinute);
});

test('the diff sets the newest tenth against the time around the onset', () => {
  const onset = 1_000 * kMinute;
  const { base, current } = diffSpans({ onset, detected: null, resolved: null, deploy: null }, onset + 100 * kMinute);
  assert.deepEqual(base, { from: onset - 10 * kMinute, to: onset + 10 * kMinute });
  assert.deepEqual(current, { from: onset + 90 * kMinute, to: onset + 100 * kMinute });
});

test('the spans of a diff are never reversed, whatever the times', () => {
  for (const onset of [null, 0, 5_000_000, 9_000_000]) {
    for (const resolved of [null, 4_000_000, 6_000_000]) {
      const { base, current } = diffSpans({ onset, detected: null, resolved, deploy: null }, 6_500_000);
      assert.ok(base.from < base.to && current.from <= current.to, `${onset} ${resolved}`);
    }
  }
});

test('a step never gives more points than asked for', () => {
  for (const minutes of [1, 38, 600, 50_000]) {
    const span = { from: 0, to: minutes * kMinute };
    const step = stepSeconds(span, 300);
    assert.ok(step >= 10 && (span.to - span.from) / 1000 / step <= 300, String(step));
  }
});
