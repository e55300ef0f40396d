// The links of the evidence chain: stacks, routes, traces, paths to roots.
import { absoluteUrl, apiUrl } from './api';
import { bytes, count, interval, milliseconds, percent, perHour } from './format';
import { groupFrames, type FrameGroup } from './flame/library';
import { place } from './flame/names';
import type { Frame, HeapDumpRef, RouteEvidence, StackEvidence, TraceEvidence } from './model';
import { Clock, Command, CopyButton, Section } from './ui';

const kMaxRows = 100;

export function Stacks({ stacks }: { stacks: readonly StackEvidence[] }) {
  return (
    <Section id="stacks" title="Growing stacks">
      {stacks.length === 0 && <p class="quiet">No profile names a stack yet. A capture of a growing instance will.</p>}
      <ol class="stacks">
        {stacks.map((stack, i) => <Stack key={stack.stackId || i} stack={stack} isFirst={i === 0} />)}
      </ol>
    </Section>
  );
}

function Stack({ stack, isFirst }: { stack: StackEvidence; isFirst: boolean }) {
  const { growthBytesPerHour: growth } = stack;
  return (
    <li>
      <details class="stack" open={isFirst}>
        <summary>
          <span class="stack-cause">
            <span class="code">{stack.cause || stack.frames[0]?.function || stack.stackId}</span>
            <span class="where">{place(stack.causeFile, stack.causeLine)}</span>
          </span>
          <span class="stack-figures">
            <span class="strong grows">{perHour(growth.value)}</span>
            <span class="quiet">{interval(growth.low, growth.high)}</span>
            <ShareBar share={stack.growthShare} />
          </span>
        </summary>
        <p class="quiet stack-facts">
          {bytes(stack.inuseBytes)} in {count(stack.inuseObjects)} objects in use; {percent(stack.retainedShare)} of what it allocated stayed;
          {' '}{percent(stack.growthShare)} of all growth.
        </p>
        <ol class="frames">
          {groupFrames(stack.frames, (frame) => isCause(stack, frame)).map((group, i) => <FrameRows key={i} group={group} stack={stack} />)}
        </ol>
      </details>
    </li>
  );
}

function FrameRows({ group, stack }: { group: FrameGroup<Frame>; stack: StackEvidence }) {
  const rows = group.frames.map((frame, i) => <FrameRow key={i} frame={frame} isCause={isCause(stack, frame)} />);
  if (!group.isLibrary) return <>{rows}</>;
  return (
    <li class="folded">
      <details>
        <summary>{group.frames.length} library frames</summary>
        <ol>{rows}</ol>
      </details>
    </li>
  );
}

function FrameRow({ frame, isCause }: { frame: Frame; isCause: boolean }) {
  return (
    <li class={isCause ? 'is-cause' : ''}>
      <span class="code">{frame.function}</span>
      <span class="where">{place(frame.file, frame.line) || frame.module}</span>
      {isCause && <span class="hidden">(the cause)</span>}
    </li>
  );
}

function isCause(stack: StackEvidence, frame: Frame): boolean {
  return frame.function === stack.cause && (stack.causeLine === 0 || frame.line === stack.causeLine);
}

export function ShareBar({ share }: { share: number }) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return (
    <span class="share">
      <span class="share-bar" aria-hidden="true"><span style={{ width: `${width}%` }} /></span>
      <span>{percent(share)}</span>
    </span>
  );
}

const kMethods: Record<string, string> = {
  span: 'samples name their span',
  correlation: 'growth follows the requests',
  stack: 'a function of the stack is named after it',
};

export function Routes({ routes }: { routes: readonly RouteEvidence[] }) {
  if (routes.length === 0) return null;
  return (
    <Section id="routes" title="Routes behind the growth">
      <div class="table-box">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Route</th>
              <th scope="col">Share of growth</th>
              <th scope="col" class="figure">Kept per request</th>
              <th scope="col" class="figure">Requests</th>
              <th scope="col" class="figure">Outlived its span</th>
              <th scope="col">Known because</th>
            </tr>
          </thead>
          <tbody>
            {routes.slice(0, kMaxRows).map((each) => (
              <tr key={`${each.route}/${each.method}`}>
                <th scope="row" class="code">{each.route}</th>
                <td><ShareBar share={each.growthShare} /></td>
                <td class="figure">{bytes(each.bytesPerRequest)}</td>
                <td class="figure">{count(each.requestsPerSecond)}/s</td>
                <td class="figure">{each.survivorBytes > 0 ? bytes(each.survivorBytes) : '\u2013'}</td>
                <td class="quiet">{kMethods[each.method] ?? each.method}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

export function Traces({ traces }: { traces: readonly TraceEvidence[] }) {
  if (traces.length === 0) return null;
  // Without bytes no sample named its span: these are the newest requests, to look into.
  const title = traces.some((each) => each.bytes > 0) ? 'Traces that allocated it' : 'Newest traces of the route';
  return (
    <Section id="traces" title={title}>
      <div class="table-box">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Trace</th>
              <th scope="col">Route</th>
              <th scope="col">Start</th>
              <th scope="col" class="figure">Duration</th>
              <th scope="col" class="figure">Live bytes</th>
              <th scope="col">Span</th>
            </tr>
          </thead>
          <tbody>
            {traces.slice(0, kMaxRows).map((each) => (
              <tr key={`${each.traceId}/${each.spanId}`}>
                <th scope="row" class="id"><code>{each.traceId}</code><CopyButton text={each.traceId} what="trace id" /></th>
                <td class="code">{each.route}</td>
                <td><Clock time={each.start} /></td>
                <td class="figure">{each.ended ? milliseconds(each.durationMs) : 'running'}</td>
                <td class="figure">{each.bytes > 0 ? bytes(each.bytes) : '\u2013'}</td>
                <td class="id"><code>{each.spanId}</code> <span class="quiet">{each.ended ? 'ended' : 'active'}</span></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

// Heap dumps of the incident's service, posted or fetched, newest first, each with its finding; below them the
// owners that the newest one names.
export function Holders({ dumps, paths, incidentId }: { dumps: readonly HeapDumpRef[]; paths: readonly string[]; incidentId: string }) {
  const newest = [...dumps].reverse().slice(0, kMaxRows);
  return (
    <Section id="holders" title="Who holds it">
      {newest.length === 0 && paths.length === 0 && (
        <>
          <p class="quiet">A heap dump says it. Shrunk ones have no contents in them:</p>
          <Command what="command" text={postCommand(incidentId)} />
        </>
      )}
      <ul class="holders">
        {newest.map((each) => (
          <li key={each.id}>
            <p>{each.partial && <span class="badge grows">partial</span>} {each.headline}</p>
            <p class="quiet">
              <a href={reportUrl(each.id)} target="_blank" rel="noopener">Report</a>
              {' \u00b7 '}<a href={apiUrl(`heap-dumps/${encodeURIComponent(each.id)}/pprof`)} download={`heap-${each.id}.pb.gz`}>pprof</a>
              {' \u00b7 '}{each.name || each.id}{each.version !== '' && ` \u00b7 ${each.version}`}{' \u00b7 '}<Clock time={each.time} />
            </p>
          </li>
        ))}
      </ul>
      {paths.length > 0 && (
        <ul class="retention">
          {paths.slice(0, kMaxRows).map((path, i) => <li key={i} class="code">{path}</li>)}
        </ul>
      )}
    </Section>
  );
}

function reportUrl(id: string): string {
  return apiUrl(`heap-dumps/${encodeURIComponent(id)}/html`);
}

function postCommand(incidentId: string): string {
  return `tidemark shrink heap.dump --out - | curl -T - -X POST '${absoluteUrl(`${apiUrl('heap-dumps')}?incident=${encodeURIComponent(incidentId)}`)}'`;
}
