// One service, leaking or clean: its memory, what grows in it, its instances and captures.
import { useMemo, useState } from 'preact/hooks';
import { apiUrl } from './api';
import { Captures } from './captures';
import { Choice } from './flame/flame_graph';
import { FlameSection } from './flame_section';
import { isLibrary } from './flame/library';
import { bytes, perHour } from './format';
import { kRefreshMs, usePoll } from './hooks';
import { readCaptures, readGrowth, readIncidents, readTargets, type Target } from './model';
import { formatRoute } from './route';
import { SeriesChart } from './series_chart';
import { isOpen, versionText } from './services';
import { Survivors } from './survivors';
import { ErrorNote, Section, Waiting, When } from './ui';
import type { Span } from './windows';

const kHour = 3_600_000;
const kMaxInstances = 100;
const kGrowthRefreshMs = 30_000;

export function ServicePage({ service }: { service: string }) {
  const targets = usePoll(apiUrl('targets'), readTargets, kRefreshMs);
  const incidents = usePoll(apiUrl('incidents', { service }), readIncidents, kRefreshMs);
  const captures = usePoll(apiUrl('captures'), readCaptures, kRefreshMs);
  const own = useMemo(() => newestFirst(targets.data ?? [], service), [targets.data, service]);
  const ownCaptures = useMemo(() => (captures.data ?? []).filter((each) => each.service === service), [captures.data, service]);
  const open = (incidents.data ?? []).filter((each) => each.service === service && isOpen(each));
  document.title = `${service} \u2013 Tidemark`;
  if (targets.data && own.length === 0) return <NotKnown service={service} />;
  return (
    <article>
      <p class="back"><a href="#/">All services</a></p>
      <header class="title">
        <h1>
          {service}{' '}<span class="version">{versionText([...new Set(own.map((each) => each.version))])}</span>
          {incidents.data && <>{' '}<span class={`badge ${open.length > 0 ? 'grows' : 'clean'}`}>{open.length > 0 ? 'grows' : 'clean'}</span></>}
        </h1>
        {open.map((each) => (
          <p class="summary" key={each.id}><a href={formatRoute({ page: 'incident', id: each.id })}>{each.summary || 'Open incident'}</a></p>
        ))}
      </header>
      {targets.error && !targets.data && <ErrorNote error={targets.error} />}
      <SeriesChart title="Memory in use" service={service} metric="heap" marks={kNoMarks} first={kNoNames} span={lastHour} />
      <Growth service={service} />
      <Survivors service={service} />
      <FlameSection service={service} version="" spans={hourDiff} stacks={kNoStacks} />
      <Instances targets={own} />
      <Captures captures={ownCaptures} service={service} instances={own.map((each) => each.instance)} />
    </article>
  );
}

const kNoMarks: never[] = [];
const kNoNames: never[] = [];
const kNoStacks: never[] = [];

function lastHour(now: number): Span {
  return { from: now - kHour, to: now };
}

function hourDiff(now: number): { base: Span; current: Span } {
  const kPart = 5 * 60_000;
  return { base: { from: now - kHour, to: now - kHour + kPart }, current: { from: now - kPart, to: now } };
}

function newestFirst(targets: readonly Target[], service: string): Target[] {
  return targets.filter((each) => each.service === service).sort((a, b) => (b.lastSeen ?? 0) - (a.lastSeen ?? 0));
}

function NotKnown({ service }: { service: string }) {
  return (
    <div class="empty">
      <p class="strong">No process of “{service}” has reported.</p>
      <p><a href="#/">All services</a></p>
    </div>
  );
}

type By = 'function' | 'version' | 'route';

function Growth({ service }: { service: string }) {
  const [by, setBy] = useState<By>('function');
  const { data, error } = usePoll(apiUrl('growth', { service, by }), readGrowth, kGrowthRefreshMs);
  const rows = (data ?? []).filter((row) => (row.inuseBytes !== 0 || row.growthBytesPerHour !== 0) && (by !== 'function' || isOwn(row.key)));
  return (
    <Section id="growth" title="Growth" note={
      <Choice label="By" value={by} options={[['function', 'function'], ['version', 'version'], ['route', 'route']]} onChoose={setBy} />
    }>
      {error && !data && <p class="quiet" role="status">{error.message}</p>}
      {!error && !data && <Waiting what="growth" />}
      {data && rows.length === 0 && <p class="quiet">Nothing known by {by} yet.</p>}
      {rows.length > 0 && (
        <div class="table-box">
          <table class="data">
            <thead>
              <tr><th scope="col">{by[0]!.toUpperCase() + by.slice(1)}</th><th scope="col" class="figure">Growth</th><th scope="col" class="figure">In use</th></tr>
            </thead>
            <tbody>
              {rows.slice(0, 20).map((row) => (
                <tr key={row.key}>
                  <th scope="row" class="code">{row.key || '(no name)'}</th>
                  <td class={`figure ${row.growthBytesPerHour > 0 ? '' : 'quiet'}`}>{perHour(row.growthBytesPerHour)}</td>
                  <td class="figure">{bytes(row.inuseBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function isOwn(name: string): boolean {
  return !isLibrary({ function: name, file: '', line: 0, module: '' });
}

function Instances({ targets }: { targets: readonly Target[] }) {
  if (targets.length === 0) return null;
  return (
    <Section id="instances" title="Instances">
      <div class="table-box">
        <table class="data">
          <thead>
            <tr><th scope="col">Instance</th><th scope="col">Version</th><th scope="col">First seen</th><th scope="col">Last seen</th></tr>
          </thead>
          <tbody>
            {targets.slice(0, kMaxInstances).map((each) => (
              <tr key={`${each.instance}/${each.version}`}>
                <th scope="row" class="code">{each.instance}</th>
                <td>{each.version}</td>
                <td><When time={each.firstSeen} /></td>
                <td><When time={each.lastSeen} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {targets.length > kMaxInstances && <p class="quiet">The {kMaxInstances} seen last of {targets.length}.</p>}
    </Section>
  );
}
