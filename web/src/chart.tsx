// A chart of a metric over time, a line per version or instance, with marks for what happened.
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { align, byteTicks, type NamedSeries } from './chart_data';
import { bytes, count } from './format';
import { useIsDark, useWidth } from './hooks';
import { canvasColours, kCanvasFont, type CanvasColours } from './palette';

export interface Mark {
  time: number; // epoch ms
  kind: 'onset' | 'deploy' | 'detected' | 'capture';
  label: string;
}

interface Props {
  series: readonly NamedSeries[];
  unit: string;
  marks: readonly Mark[];
  from: number; // epoch ms
  to: number;
  caption: string; // the chart in words
}

const kHeightPx = 240;

export function Chart({ series, unit, marks, from, to, caption }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const widthPx = useWidth(box);
  const dark = useIsDark();
  const names = series.map((each) => each.name).join('\n');
  const data = useMemo(() => align(series), [series]);
  const plot = useRef<uPlot | null>(null);
  const live = useRef({ marks, from, to });
  live.current = { marks, from, to };

  // A new plot only when its shape changes; new points go into the one that stands, so nothing flickers.
  useLayoutEffect(() => {
    if (widthPx === 0 || series.length === 0) return undefined;
    const options = optionsOf(series, unit, widthPx, canvasColours(dark), live);
    plot.current = new uPlot(options, [data.times, ...data.values], box.current!);
    showLatest(plot.current);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, unit, dark, widthPx === 0]);
  useEffect(() => {
    plot.current?.setData([data.times, ...data.values]);
    if (plot.current) showLatest(plot.current);
  }, [data, from, to, marks]);
  useEffect(() => {
    if (plot.current && widthPx > 0) plot.current.setSize({ width: widthPx, height: kHeightPx });
  }, [widthPx]);

  return (
    <figure class="chart">
      <div ref={box} class="chart-box" aria-hidden="true" />
      <figcaption class="hidden">{caption}</figcaption>
    </figure>
  );
}

// The legend names the newest values while the pointer is elsewhere.
function showLatest(plot: uPlot): void {
  if (plot.cursor.idx === null || plot.cursor.idx === undefined) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

// Local time of a tick, with the day on the first tick and where a day begins.
function timeTick(seconds: number, before: number | undefined, step: number): string {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString('en-GB', step < 60 ? {} : { hour: '2-digit', minute: '2-digit' });
  const isNewDay = before !== undefined && new Date(before * 1000).getDate() !== date.getDate();
  if (step >= 86_400) return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return isNewDay ? `${time}\n${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}` : time;
}

type Live = { current: { marks: readonly Mark[]; from: number; to: number } };

function optionsOf(series: readonly NamedSeries[], unit: string, width: number, colours: CanvasColours, live: Live): uPlot.Options {
  const isBytes = unit === 'By' || unit === 'bytes';
  const text = (value: number) => (isBytes ? bytes(value) : count(value));
  const axis = { stroke: colours.muted, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false }, font: `11px ${kCanvasFont}` };
  return {
    width,
    height: kHeightPx,
    padding: [18, 8, 0, 0],
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { range: () => [live.current.from / 1000, live.current.to / 1000] },
      y: { range: (_, low, high) => (low === null || low > high ? [0, 1] : [0, high * 1.08 || 1]) },
    },
    axes: [
      { ...axis, space: 70, values: (_, ticks, __, ___, step) => ticks.map((tick, i) => timeTick(tick, ticks[i - 1], step)) },
      {
        ...axis, size: 66, gap: 4,
        values: (_, ticks) => ticks.map(text),
        ...(isBytes ? { splits: (_: uPlot, __: number, low: number, high: number) => byteTicks(low, high, 5) } : {}),
      },
    ],
    series: [
      { value: (_, t) => (t === null ? '' : new Date(t * 1000).toLocaleTimeString('en-GB')) },
      ...series.map((each, i) => ({
        label: each.name,
        stroke: colours.series[i % colours.series.length]!,
        width: 1.75,
        spanGaps: true,
        points: { show: each.points.length < 3 },
        value: (_: uPlot, value: number | null) => (value === null ? '' : text(value)),
      })),
    ],
    legend: { live: true },
    hooks: {
      draw: [(plot) => drawMarks(plot, live.current.marks, colours)],
      setCursor: [showLatest],
    },
  };
}

const kDashes: Record<Mark['kind'], number[]> = { onset: [], deploy: [6, 3], detected: [2, 3], capture: [] };

const kLabelOrder: Mark['kind'][] = ['onset', 'deploy', 'detected']; // who gets its label when there is no room for all

// Lines over the full height with a label on top; captures are small triangles on the time axis. A label that would
// cover another is not written.
function drawMarks(plot: uPlot, marks: readonly Mark[], colours: CanvasColours): void {
  const { ctx: context } = plot;
  const { left, top, width, height } = plot.bbox;
  const taken: [number, number][] = [];
  context.save();
  context.font = `${11 * uPlot.pxRatio}px ${kCanvasFont}`;
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  for (const mark of [...marks].sort((a, b) => kLabelOrder.indexOf(a.kind) - kLabelOrder.indexOf(b.kind))) {
    const x = Math.round(plot.valToPos(mark.time / 1000, 'x', true));
    if (x < left || x > left + width) continue;
    context.strokeStyle = context.fillStyle = markColour(mark, colours);
    if (mark.kind === 'capture') {
      drawTriangle(context, x, top + height, 5 * uPlot.pxRatio);
    } else {
      drawLine(context, x, top, height, kDashes[mark.kind]);
      drawLabel(context, mark.label, x, top, left + width, taken);
    }
  }
  context.restore();
}

function markColour(mark: Mark, colours: CanvasColours): string {
  if (mark.kind === 'onset') return colours.growth[4]!;
  return mark.kind === 'capture' ? colours.accent : colours.muted;
}

function drawLine(context: CanvasRenderingContext2D, x: number, top: number, height: number, dashes: number[]): void {
  context.setLineDash(dashes.map((part) => part * uPlot.pxRatio));
  context.lineWidth = uPlot.pxRatio;
  context.beginPath();
  context.moveTo(x + 0.5, top);
  context.lineTo(x + 0.5, top + height);
  context.stroke();
}

// To the right of its line, else to the left, else not at all.
function drawLabel(context: CanvasRenderingContext2D, label: string, x: number, top: number, end: number, taken: [number, number][]): void {
  const gap = 4 * uPlot.pxRatio;
  const width = context.measureText(label).width;
  for (const start of [x - gap / 2, x - gap - width]) {
    const isFree = taken.every(([from, to]) => start > to + gap || start + width < from - gap);
    if (start < 0 || start + width > end || !isFree) continue;
    context.fillText(label, start, top - 5 * uPlot.pxRatio);
    taken.push([start, start + width]);
    return;
  }
}

function drawTriangle(context: CanvasRenderingContext2D, x: number, bottom: number, size: number): void {
  context.beginPath();
  context.moveTo(x, bottom - 2 * size);
  context.lineTo(x + size, bottom);
  context.lineTo(x - size, bottom);
  context.closePath();
  context.fill();
}
