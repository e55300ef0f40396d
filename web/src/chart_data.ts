// Series of their own times brought onto one time axis, as a chart needs them.

export interface NamedSeries {
  name: string;
  points: readonly (readonly [number, number])[]; // [epoch ms, value], by time
}

export interface Aligned {
  times: number[]; // epoch seconds, rising
  values: (number | null)[][]; // a list per series; null where it has no point
}

export function align(series: readonly NamedSeries[]): Aligned {
  const times = [...new Set(series.flatMap((each) => each.points.map(([t]) => t)))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const values = series.map((each) => {
    const row: (number | null)[] = new Array<number | null>(times.length).fill(null);
    for (const [t, value] of each.points) row[at.get(t)!] = value;
    return row;
  });
  return { times: times.map((t) => t / 1000), values };
}

// Ticks at binary multiples, which bytes are read in: 0, 256 MiB, 512 MiB rather than 0, 238 MiB.
export function byteTicks(low: number, high: number, wanted: number): number[] {
  const least = Math.max(1, (high - low) / Math.max(1, wanted));
  let step = 1;
  while (step < least) step *= 2;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

// Points of a line "x,y x,y ..." in a box of that size; "" with fewer than two points.
export function sparkPoints(points: readonly (readonly [number, number])[], width: number, height: number): string {
  if (points.length < 2) return '';
  const first = points[0]![0];
  const spanX = points[points.length - 1]![0] - first || 1;
  let low = Infinity;
  let high = -Infinity;
  for (const [, value] of points) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // A flat series stays flat: the scale covers at least a fifth of the value.
  const spanY = Math.max(high - low, high * 0.2, 1);
  const bottom = (low + high) / 2 - spanY / 2;
  return points
    .map(([t, value]) => `${(((t - first) / spanX) * width).toFixed(1)},${(height - ((value - bottom) / spanY) * height).toFixed(1)}`)
    .join(' ');
}
