// GET /api/v1/survivors as the page uses it.
import { fields, list, number, text, time } from './model';

export interface Survivor {
  version: string;
  route: string;
  bytes: number; // live, of spans that ended over a minute ago
  objects: number;
  oldestEnd: number | null; // epoch ms
  growthBytesPerHour: number; // of the instance that grows most
  isSuspect: boolean;
  instances: number;
  traces: { traceId: string; bytes: number; start: number | null }[]; // heaviest first
}

export function readSurvivors(raw: unknown): Survivor[] {
  return list(fields(raw).routes, (each) => {
    const o = fields(each);
    return {
      version: text(o.version),
      route: text(o.route),
      bytes: number(o.bytes),
      objects: number(o.objects),
      oldestEnd: time(o.oldest_end),
      growthBytesPerHour: number(fields(o.growth_bytes_per_hour).value),
      isSuspect: o.suspect === true,
      instances: list(o.instances, text).length,
      traces: list(o.traces, (trace) => {
        const t = fields(trace);
        return { traceId: text(t.trace_id), bytes: number(t.bytes), start: time(t.start) };
      }),
    };
  });
}
