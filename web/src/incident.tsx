// The incident: everything known of one leak on one address.
import { useMemo } from 'preact/hooks';
import { apiUrl } from './api';
import { Captures } from './captures';
import type { Mark } from './chart';
import { Holders, Routes, Stacks, Traces } from './evidence';
import { place } from './flame/names';
import { FlameSection } from './flame_section';
import { dollars, duration, interval, percent, perHour } from './format';
import { kRefreshMs, useNow, usePoll } from './hooks';
import { timeToLimit } from './inbox';
import { readIncident, type Incident } from './model';
import { formatRoute } from './route';
import { SeriesChart } from './series_chart';
import { isOpen, versionText } from './services';
import { Survivors } from './survivors';
import { Clock, CopyButton, ErrorNote, Fact, Waiting, When } from './ui';
import { chartSpan, diffSpans, type IncidentTimes } from './windows';

export function IncidentPage({ id }: { id: string }) {
  const { data: incident, error } = usePoll(apiUrl(`incidents/${encodeURIComponent(id)}`), readIncident, kRefreshMs);
  document.title = incident ? `${incident.service} ${versionText(incident.versions)} \u2013 Tidemark` : 'Incident \u2013 Tidemark';
  if (!incident) {
    return (
      <>
        <BackLink />
        {error ? <ErrorNote error={error} /> : <Waiting what="the incident" />}
      </>
    );
  }
  return <Evidence incident={incident} />;
}

function Evidence({ incident }: { incident: Incident }) {
  const times: IncidentTimes = {
    onset: incident.onset, detected: incident.detected, resolved: incident.resolved, deploy: incident.deploy?.time ?? null,
  };
  const marks = useMemo(() => marksOf(incident), [incident]);
  const version = incident.versions[0] ?? '';
  return (
    <article>
      <BackLink />
      <Heading incident={incident} />
      <Facts incident={incident} />
      <SeriesChart title={kChartTitles[incident.kind] ?? kChartTitles.heap!} service={incident.service} metric={metricOf(incident.kind)}
        marks={marks} first={[...incident.versions, ...incident.instances]} span={(now) => chartSpan(times, now)} />
      <Stacks stacks={incident.stacks} />
      <FlameSection service={incident.service} version={version} spans={(now) => diffSpans(times, now)} stacks={incident.stacks} />
      <Routes routes={incident.routes} />
      <Survivors service={incident.service} />
      <Traces traces={incident.traces} />
      <Holders dumps={incident.heapDumps} paths={incident.retention} incidentId={incident.id} />
      <Captures captures={incident.captures} service={incident.service} instances={incident.instances} />
    </article>
  );
}

function BackLink() {
  return <p class="back"><a href="#/">All incidents</a></p>;
}

function Heading({ incident }: { incident: Incident }) {
  const stack = incident.stacks[0];
  return (
    <header class="title">
      <h1>
        <a href={formatRoute({ page: 'service', service: incident.service })}>{incident.service}</a>
        {' '}<span class="version">{incident.versions.join(', ')}</span>
        {' '}<span class={`badge ${isOpen(incident) ? 'grows' : 'clean'}`}>{incident.state || 'open'}</span>
      </h1>
      {incident.summary !== '' && <p class="summary">{incident.summary}</p>}
      {stack && (
        <p class="cause">
          <span class="code">{stack.cause}</span>
          {stack.causeFile !== '' && (
            <span class="where">{place(stack.causeFile, stack.causeLine)}<CopyButton text={place(stack.causeFile, stack.causeLine)} what="place" /></span>
          )}
        </p>
      )}
    </header>
  );
}

function Facts({ incident }: { incident: Incident }) {
  const now = useNow();
  const each = incident.growthBytesPerHour;
  const total = incident.totalGrowthBytesPerHour;
  const { instances, deploy } = incident;
  return (
    <dl class="facts">
      <Fact kind="main" name="Growth per instance" value={perHour(each.value)} detail={interval(each.low, each.high)} />
      <Fact name="Growth of the fleet" value={perHour(total.value)} detail={`${instances.length} ${instances.length === 1 ? 'instance' : 'instances'}`} />
      {isOpen(incident)
        ? <Fact name="Time to limit" value={timeToLimit(incident.oomEta, now)} detail={incident.oomEta === null ? 'none known' : <Clock time={incident.oomEta} />} />
        : <Fact name="Resolved" value={<When time={incident.resolved} />} detail={<Clock time={incident.resolved} />} />}
      <Fact name="Cost a month" value={incident.monthlyCostUsd > 0 ? dollars(incident.monthlyCostUsd) : '\u2013'} />
      <Fact name="Confidence" value={percent(incident.confidence)} detail={incident.kind} />
      <Fact name="Onset" value={<When time={incident.onset} />} detail={<Clock time={incident.onset} />} />
      <Fact name="Detected" value={detectedAfter(incident)} detail={<Clock time={incident.detected} />} />
      {deploy && <Fact name="Deploy" value={deploy.version} detail={<Clock time={deploy.time} />} />}
    </dl>
  );
}

function detectedAfter({ onset, detected }: Incident): string {
  if (onset === null || detected === null) return '\u2013';
  return `after ${duration(detected - onset)}`;
}

const kMetrics: Record<string, string> = { rss: 'rss', spans: 'active_spans' };
const kChartTitles: Record<string, string> = { heap: 'Memory in use', rss: 'Resident memory', spans: 'Active spans' };

function metricOf(kind: string): string {
  return kMetrics[kind] ?? 'heap';
}

function marksOf(incident: Incident): Mark[] {
  const marks: Mark[] = [];
  const add = (time: number | null | undefined, kind: Mark['kind'], label: string) => {
    if (time !== null && time !== undefined) marks.push({ time, kind, label });
  };
  add(incident.deploy?.time, 'deploy', `deploy ${incident.deploy?.version ?? ''}`);
  add(incident.onset, 'onset', 'onset');
  add(incident.detected, 'detected', 'detected');
  incident.captures.forEach((capture) => add(capture.time, 'capture', 'capture'));
  return marks;
}
