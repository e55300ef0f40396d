// The API's values, read with defaults so that a missing field shows as missing and never breaks the page. Times are
// epoch milliseconds, null where the API has none.

export interface Estimate {
  value: number;
  low: number;
  high: number;
}

export interface Frame {
  function: string;
  file: string;
  line: number;
  module: string;
}

export interface StackEvidence {
  stackId: string;
  frames: Frame[]; // leaf first
  cause: string;
  causeFile: string;
  causeLine: number;
  growthBytesPerHour: Estimate;
  inuseBytes: number;
  inuseObjects: number;
  growthShare: number;
  retainedShare: number;
}

export interface RouteEvidence {
  route: string;
  growthShare: number;
  bytesPerRequest: number;
  requestsPerSecond: number;
  method: string;
  survivorBytes: number;
}

export interface TraceEvidence {
  traceId: string;
  spanId: string;
  route: string;
  start: number | null;
  durationMs: number;
  bytes: number;
  ended: boolean;
}

export interface CaptureRef {
  id: string;
  role: string;
  service: string;
  instance: string;
  version: string;
  trigger: string;
  time: number | null;
  file: string;
}

export interface HeapDumpRef {
  id: string;
  name: string;
  version: string;
  headline: string;
  time: number | null;
  partial: boolean;
}

export interface Deploy {
  version: string;
  time: number | null;
}

export interface Incident {
  id: string;
  state: string;
  kind: string;
  service: string;
  namespace: string;
  versions: string[];
  instances: string[];
  onset: number | null;
  detected: number | null;
  updated: number | null;
  resolved: number | null;
  growthBytesPerHour: Estimate;
  totalGrowthBytesPerHour: Estimate;
  oomEta: number | null;
  monthlyCostUsd: number;
  confidence: number;
  summary: string;
  stacks: StackEvidence[];
  routes: RouteEvidence[];
  traces: TraceEvidence[];
  captures: CaptureRef[];
  retention: string[];
  heapDumps: HeapDumpRef[];
  deploy: Deploy | null;
}

export interface Target {
  service: string;
  namespace: string;
  version: string;
  instance: string;
  firstSeen: number | null;
  lastSeen: number | null;
}

export interface Series {
  version: string;
  instance: string;
  attributes: string; // "key=value, ..." of the point, "" without
  points: [number, number][]; // [epoch ms, value], by time
}

export interface SeriesSet {
  metric: string;
  unit: string;
  series: Series[];
}

export interface GrowthRow {
  key: string;
  growthBytesPerHour: number;
  inuseBytes: number;
}

export type Fields = Record<string, unknown>;

export function readIncidents(raw: unknown): Incident[] {
  return list(fields(raw).incidents, readIncident);
}

export function readIncident(raw: unknown): Incident {
  const o = fields(raw);
  const evidence = fields(o.evidence);
  const deploy = fields(evidence.deploy);
  return {
    id: text(o.id),
    state: text(o.state),
    kind: text(o.kind),
    service: text(o.service),
    namespace: text(o.namespace),
    versions: list(o.versions, text),
    instances: list(o.instances, text),
    onset: time(o.onset),
    detected: time(o.detected),
    updated: time(o.updated),
    resolved: time(o.resolved),
    growthBytesPerHour: readEstimate(o.growth_bytes_per_hour),
    totalGrowthBytesPerHour: readEstimate(o.total_growth_bytes_per_hour),
    oomEta: time(o.oom_eta),
    monthlyCostUsd: number(o.monthly_cost_usd),
    confidence: number(o.confidence),
    summary: text(o.summary),
    stacks: list(evidence.stacks, readStack),
    routes: list(evidence.routes, readRoute),
    traces: list(evidence.traces, readTrace),
    captures: list(evidence.captures, readCapture),
    retention: list(evidence.retention, text),
    heapDumps: list(evidence.heap_dumps, readHeapDump),
    deploy: text(deploy.version) === '' ? null : { version: text(deploy.version), time: time(deploy.time) },
  };
}

export function readTargets(raw: unknown): Target[] {
  return list(fields(raw).targets, (each) => {
    const o = fields(each);
    return {
      service: text(o.service),
      namespace: text(o.namespace),
      version: text(o.version),
      instance: text(o.instance),
      firstSeen: time(o.first_seen),
      lastSeen: time(o.last_seen),
    };
  });
}

export function readSeries(raw: unknown): SeriesSet {
  const o = fields(raw);
  const series = list(o.series, (each) => {
    const s = fields(each);
    const points = list(s.points, (p) => p)
      .filter((p): p is [number, number] => Array.isArray(p) && Number.isFinite(p[0]) && Number.isFinite(p[1]))
      .sort((a, b) => a[0] - b[0]);
    const attributes = Object.entries(fields(s.attributes)).map(([key, value]) => `${key}=${text(value)}`).join(', ');
    return { version: text(s.version), instance: text(s.instance), attributes, points };
  });
  return { metric: text(o.metric), unit: text(o.unit), series };
}

export function readGrowth(raw: unknown): GrowthRow[] {
  return list(fields(raw).rows, (each) => {
    const o = fields(each);
    const growth = o.growth_bytes_per_hour;
    return {
      key: text(o.key),
      growthBytesPerHour: typeof growth === 'object' ? readEstimate(growth).value : number(growth),
      inuseBytes: number(o.inuse_bytes),
    };
  });
}

export function readCaptures(raw: unknown): CaptureRef[] {
  return list(fields(raw).captures, readCapture);
}

export function readCaptureId(raw: unknown): string {
  return text(fields(raw).id);
}

function readEstimate(raw: unknown): Estimate {
  const o = fields(raw);
  return { value: number(o.value), low: number(o.low), high: number(o.high) };
}

function readStack(raw: unknown): StackEvidence {
  const o = fields(raw);
  return {
    stackId: text(o.stack_id),
    frames: list(o.frames, readFrame),
    cause: text(o.cause),
    causeFile: text(o.cause_file),
    causeLine: number(o.cause_line),
    growthBytesPerHour: readEstimate(o.growth_bytes_per_hour),
    inuseBytes: number(o.inuse_bytes),
    inuseObjects: number(o.inuse_objects),
    growthShare: number(o.growth_share),
    retainedShare: number(o.retained_share),
  };
}

function readFrame(raw: unknown): Frame {
  const o = fields(raw);
  return { function: text(o.function), file: text(o.file), line: number(o.line), module: text(o.module) };
}

function readRoute(raw: unknown): RouteEvidence {
  const o = fields(raw);
  return {
    route: text(o.route),
    growthShare: number(o.growth_share),
    bytesPerRequest: number(o.bytes_per_request),
    requestsPerSecond: number(o.requests_per_second),
    method: text(o.method),
    survivorBytes: number(o.survivor_bytes),
  };
}

function readTrace(raw: unknown): TraceEvidence {
  const o = fields(raw);
  return {
    traceId: text(o.trace_id),
    spanId: text(o.span_id),
    route: text(o.route),
    start: time(o.start),
    durationMs: number(o.duration_ms),
    bytes: number(o.bytes),
    ended: o.ended === true,
  };
}

function readCapture(raw: unknown): CaptureRef {
  const o = fields(raw);
  return {
    id: text(o.id),
    role: text(o.role),
    service: text(o.service),
    instance: text(o.instance),
    version: text(o.version),
    trigger: text(o.trigger),
    time: time(o.time),
    file: text(o.file),
  };
}

function readHeapDump(raw: unknown): HeapDumpRef {
  const o = fields(raw);
  return {
    id: text(o.id),
    name: text(o.name),
    version: text(o.version),
    headline: text(o.headline),
    time: time(o.time),
    partial: o.partial === true,
  };
}

export function fields(raw: unknown): Fields {
  return typeof raw === 'object' && raw !== null ? (raw as Fields) : {};
}

export function list<T>(raw: unknown, read: (each: unknown) => T): T[] {
  return Array.isArray(raw) ? raw.map((each) => read(each)) : [];
}

export function text(raw: unknown): string {
  return typeof raw === 'string' ? raw : typeof raw === 'number' ? String(raw) : '';
}

export function number(raw: unknown): number {
  return typeof raw === 'number' && Number.isFinite(raw) ? raw : 0;
}

// RFC 3339; empty, null and the epoch itself stand for "not known".
export function time(raw: unknown): number | null {
  if (typeof raw !== 'string') return null;
  const ms = Date.parse(raw);
  return Number.isNaN(ms) || ms <= 0 ? null : ms;
}
