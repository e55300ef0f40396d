// Numbers and times as people read them. Sizes are bytes in, binary units out; times are epoch milliseconds.

const kUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

// Three significant digits: "0 B", "999 B", "1.25 MiB", "412 MiB".
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '\u2013';
  const { scale, unit } = unitOf(value);
  return `${digits(value / scale)} ${unit}`;
}

export function signedBytes(value: number): string {
  return sign(value) + bytes(Math.abs(value));
}

export function perHour(value: number): string {
  return `${signedBytes(value)}/h`;
}

// "390 – 440 MiB/h": one unit for both ends.
export function interval(low: number, high: number): string {
  const { scale, unit } = unitOf(Math.max(Math.abs(low), Math.abs(high)));
  return `${minus(digits(low / scale))} \u2013 ${minus(digits(high / scale))} ${unit}/h`;
}

export function count(value: number): string {
  if (!Number.isFinite(value)) return '\u2013';
  const abs = Math.abs(value);
  if (abs >= 1e9) return `${digits(value / 1e9)} G`;
  if (abs >= 1e6) return `${digits(value / 1e6)} M`;
  if (abs >= 1e4) return `${digits(value / 1e3)} k`;
  return Number.isInteger(value) ? String(value) : digits(value);
}

export function signedCount(value: number): string {
  return sign(value) + count(Math.abs(value));
}

// A value of a profile or series in its unit.
export function inUnit(value: number, unit: string): string {
  return unit === 'bytes' || unit === 'By' ? bytes(value) : count(value);
}

export function signedInUnit(value: number, unit: string): string {
  return unit === 'bytes' || unit === 'By' ? signedBytes(value) : signedCount(value);
}

export function percent(share: number): string {
  const value = share * 100;
  if (!Number.isFinite(value)) return '\u2013';
  if (value > 0 && value < 0.1) return '<0.1 %';
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)} %`; // never round up to certainty
  return `${value < 10 && value > 0 ? value.toFixed(1) : Math.round(value)} %`;
}

export function dollars(value: number): string {
  if (!Number.isFinite(value)) return '\u2013';
  if (value >= 1e6) return `$${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `$${Math.round(value / 1e3)}k`;
  if (value >= 1e3) return `$${(value / 1e3).toFixed(1)}k`;
  return `$${value < 10 ? value.toFixed(2) : Math.round(value)}`;
}

// The two largest units: "45 s", "2 min", "1 h 20 min", "3 d 4 h".
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 90) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  const d = Math.floor(h / 24);
  return d >= 14 || h % 24 === 0 ? `${d} d` : `${d} d ${h % 24} h`;
}

export function milliseconds(ms: number): string {
  if (ms < 1) return `${digits(ms * 1000)} \u00b5s`;
  return ms < 10_000 ? `${digits(ms)} ms` : duration(ms);
}

export function ago(ms: number, now: number): string {
  const age = now - ms;
  return age < 5_000 ? 'now' : `${duration(age)} ago`;
}

// Local time; the date only when it is not today's.
export function clock(ms: number, now: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB', { hour12: false });
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function sign(value: number): string {
  return value > 0 ? '+' : value < 0 ? '\u2212' : '';
}

function minus(text: string): string {
  return text.replace('-', '\u2212');
}

function unitOf(value: number): { scale: number; unit: string } {
  let scale = 1;
  let at = 0;
  // 1000, not 1024, so that no more than three digits stand before the unit.
  while (Math.abs(value) / scale >= 999.5 && at < kUnits.length - 1) {
    scale *= 1024;
    at += 1;
  }
  return { scale, unit: kUnits[at]! };
}

// Three significant digits without trailing zeros.
function digits(value: number): string {
  const abs = Math.abs(value);
  if (abs === 0) return '0';
  if (abs >= 100) return value.toFixed(0);
  return String(Number(value.toFixed(abs >= 10 ? 1 : 2)));
}
