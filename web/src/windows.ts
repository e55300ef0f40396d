// Which stretch of time each view of an incident asks for. Epoch milliseconds.

export interface Span {
  from: number;
  to: number;
}

export interface IncidentTimes {
  onset: number | null;
  detected: number | null;
  resolved: number | null;
  deploy: number | null;
}

const kMinute = 60_000;

// The chart: the growth with a third of its length, at least 5 minutes, of quiet before it.
export function chartSpan(times: IncidentTimes, now: number): Span {
  const to = times.resolved ?? now;
  const onset = times.onset ?? times.detected ?? to - 60 * kMinute;
  const grown = Math.max(0, to - onset);
  const before = Math.max(5 * kMinute, grown / 3);
  const deploy = times.deploy !== null && times.deploy < onset && onset - times.deploy < 2 * before ? times.deploy : onset;
  const after = times.resolved === null ? 0 : Math.min(now - times.resolved, before);
  return { from: Math.min(onset - before, deploy - kMinute), to: to + Math.max(0, after) };
}

// The diff: what is in use in the newest tenth of the growth, against the state around its onset.
export function diffSpans(times: IncidentTimes, now: number): { base: Span; current: Span } {
  const to = times.resolved ?? now;
  const onset = Math.min(times.onset ?? times.detected ?? to - 60 * kMinute, to);
  const part = Math.min(30 * kMinute, Math.max(10_000, (to - onset) / 10));
  return {
    base: { from: onset - 10 * kMinute, to: onset + part },
    current: { from: Math.max(onset, to - Math.max(part, kMinute)), to },
  };
}

// From 10 s: instances report at different moments, and a mean over them needs each in every step.
const kSteps = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

// Seconds between points so that at most maxPoints stand in the span.
export function stepSeconds(span: Span, maxPoints: number): number {
  const least = (span.to - span.from) / 1000 / maxPoints;
  return kSteps.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}
