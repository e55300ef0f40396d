// The chart of one metric of a service, a line per version or instance, renewed as time goes on.
import { useMemo, useState } from 'preact/hooks';
import { apiUrl, rfc3339 } from './api';
import { Chart, type Mark } from './chart';
import type { NamedSeries } from './chart_data';
import { Choice } from './flame/flame_graph';
import { inUnit } from './format';
import { kRefreshMs, useNow, usePoll } from './hooks';
import { readSeries, type Series, type SeriesSet } from './model';
import { ErrorNote, Section, Waiting } from './ui';
import { stepSeconds, type Span } from './windows';

type By = 'version' | 'instance';

interface Props {
  title: string;
  service: string;
  metric: string;
  marks: readonly Mark[];
  first: readonly string[]; // versions or instances to draw first
  span: (now: number) => Span; // the stretch of time to show
}

const kPoints = 300;
const kMaxLines = 12;

export function SeriesChart({ title, service, metric, marks, first, span }: Props) {
  const [by, setBy] = useState<By>('version');
  const now = useNow();
  const shown = span(now);
  const step = stepSeconds(shown, kPoints);
  const url = () => {
    const { from, to } = span(Date.now());
    return apiUrl('series', { service, metric, by, from: rfc3339(from), to: rfc3339(to), step });
  };
  const { data, error } = usePoll(url, readSeries, kRefreshMs, `series/${service}/${metric}/${by}/${step}`);
  const [kept, setKept] = useState<SeriesSet | null>(null);
  if (data && data !== kept) setKept(data); // stays while a coarser step is asked for
  const set = data ?? kept;
  const lines = useMemo(() => linesOf(set, by, first), [set, by, first.join('\n')]);
  const from = Math.max(shown.from, firstTime(lines) - (shown.to - firstTime(lines)) / 20);
  const hidden = (set?.series.length ?? 0) - lines.length;
  return (
    <Section id="chart" title={title} note={
      <Choice label="By" value={by} options={[['version', 'version'], ['instance', 'instance']]} onChoose={setBy} />
    }>
      {error && !set && <ErrorNote error={error} />}
      {!error && !set && <Waiting what="points" />}
      {set && lines.length === 0 && <p class="quiet">No point of {metric} in this time.</p>}
      {set && lines.length > 0 && (
        <Chart series={lines} unit={unitOf(set)} marks={marks} from={from} to={shown.to} caption={captionOf(title, lines, unitOf(set))} />
      )}
      {hidden > 0 && <p class="quiet">The {kMaxLines} largest of {lines.length + hidden} lines.</p>}
    </Section>
  );
}

function linesOf(set: SeriesSet | null, by: By, first: readonly string[]): NamedSeries[] {
  const rank = (name: string) => (first.some((wanted) => name.startsWith(wanted)) ? 0 : 1);
  const names = (set?.series ?? []).map((each) => nameOf(each, by));
  const isShared = (name: string) => names.indexOf(name) !== names.lastIndexOf(name);
  return (set?.series ?? [])
    .filter((each) => each.points.length > 0)
    .sort((a, b) => lastValue(b) - lastValue(a))
    .slice(0, kMaxLines)
    .map((each) => {
      const name = nameOf(each, by);
      return { name: isShared(name) && each.attributes !== '' ? `${name} ${each.attributes}` : name, points: each.points };
    })
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
}

function nameOf(series: Series, by: By): string {
  return (by === 'instance' ? series.instance : series.version) || '(no name)';
}

// A sender may leave the unit out; our own names say it.
function unitOf(set: SeriesSet): string {
  if (set.unit !== '') return set.unit;
  return ['heap', 'rss', 'limit'].includes(set.metric) ? 'By' : '';
}

// A service that is younger than the stretch of time asked for fills the chart all the same.
function firstTime(lines: readonly NamedSeries[]): number {
  return Math.min(...lines.map((line) => line.points[0]![0]));
}

function lastValue(series: Series): number {
  return series.points[series.points.length - 1]![1];
}

function captionOf(title: string, lines: readonly NamedSeries[], unit: string): string {
  const parts = lines.map(({ name, points }) =>
    `${name} from ${inUnit(points[0]![1], unit)} to ${inUnit(points[points.length - 1]![1], unit)}`);
  return `${title}: ${parts.join('; ')}.`;
}
