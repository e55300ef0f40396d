// A small line of a service's memory over the last hour, asked for once it comes into view.
import { useMemo, useRef } from 'preact/hooks';
import { apiUrl, rfc3339 } from './api';
import { sparkPoints } from './chart_data';
import { useIsDark, usePoll, useSeen } from './hooks';
import { readSeries, type SeriesSet } from './model';
import { canvasColours } from './palette';

const kWidth = 112;
const kHeight = 30;
const kSpanMs = 3_600_000;
const kPoints = 180;
const kSparkRefreshMs = 30_000;

interface Props {
  service: string;
  version: string; // "": the newest of the service
  grows: boolean;
}

export function Sparkline({ service, version, grows }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen(box);
  const url = () => {
    const to = Date.now();
    return apiUrl('series', { service, metric: 'heap', by: 'version', from: rfc3339(to - kSpanMs), to: rfc3339(to), step: kSpanMs / 1000 / kPoints });
  };
  const { data } = usePoll(seen ? url : null, readSeries, kSparkRefreshMs, `spark/${service}`);
  const colours = canvasColours(useIsDark());
  const line = useMemo(() => (data ? sparkPoints(pointsOf(data, version), kWidth, kHeight - 4) : ''), [data, version]);
  return (
    <div class="spark" ref={box} aria-hidden="true">
      {line !== '' && (
        <svg viewBox={`0 -2 ${kWidth} ${kHeight}`} width={kWidth} height={kHeight} preserveAspectRatio="none">
          <polyline points={line} fill="none" stroke={grows ? colours.series[0] : colours.muted} stroke-width="1.5" vector-effect="non-scaling-stroke" />
        </svg>
      )}
    </div>
  );
}

function pointsOf(set: SeriesSet, version: string): [number, number][] {
  const named = set.series.find((each) => each.version === version);
  if (named) return named.points;
  const newest = [...set.series].sort((a, b) => lastTime(b.points) - lastTime(a.points))[0];
  return newest?.points ?? [];
}

function lastTime(points: [number, number][]): number {
  return points[points.length - 1]?.[0] ?? 0;
}
