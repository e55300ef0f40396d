// State that follows the server, the address, the colour scheme and the size of an element.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import { ApiError, getText, link } from './api';
import { parseRoute, type Route } from './route';
import { isDark, onThemeChange } from './theme';

export const kRefreshMs = 5_000;

export interface Loaded<T> {
  data: T | null; // the last good answer for this address
  error: ApiError | null; // of the last call
}

// Asks now and again every refreshMs (0: once) while the page is visible. An answer equal to the last one causes no
// drawing; while the address changes the old answer stays, unless forget is set. `read` must not change between drawings.
export function usePoll<T>(
  url: string | (() => string) | null,
  read: (raw: unknown) => T,
  refreshMs: number,
  key: string = typeof url === 'string' ? url : '',
): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T> & { key: string }>({ data: null, error: null, key });
  useEffect(() => {
    if (url === null) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = '';
    const ask = async () => {
      const next = await load(typeof url === 'string' ? url : url(), abort.signal, last, read);
      if (abort.signal.aborted) return;
      if (next.text !== null) last = next.text;
      if (next.change) setLoaded((before) => merge(before, key, next.change!));
      if (refreshMs > 0) timer = setTimeout(tick, refreshMs);
    };
    const tick = () => {
      if (document.hidden) document.addEventListener('visibilitychange', tick, { once: true, signal: abort.signal });
      else void ask();
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, refreshMs, url === null]);
  return loaded.key === key ? loaded : { data: null, error: null };
}

interface Answer<T> {
  text: string | null;
  change: Loaded<T> | null; // null: as before
}

async function load<T>(url: string, signal: AbortSignal, last: string, read: (raw: unknown) => T): Promise<Answer<T>> {
  try {
    const text = await getText(url, signal);
    return text === last ? { text, change: null } : { text, change: { data: read(JSON.parse(text)), error: null } };
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError(-1, `The answer cannot be read: ${String(error)}`);
    return { text: null, change: { data: null, error: known } };
  }
}

// An error keeps the data it follows, so that a restart of the server does not empty the page.
function merge<T>(before: Loaded<T> & { key: string }, key: string, change: Loaded<T>): Loaded<T> & { key: string } {
  const kept = before.key === key ? before.data : null;
  return { key, data: change.error ? kept : change.data, error: change.error };
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const update = () => setHash(location.hash);
    addEventListener('hashchange', update);
    return () => removeEventListener('hashchange', update);
  }, []);
  return parseRoute(hash);
}

export function useLinkState(): { isUp: boolean; lastAnswer: number } {
  const [, redraw] = useState(0);
  useEffect(() => link.listen(() => redraw((n) => n + 1)), []);
  return { isUp: link.isUp, lastAnswer: link.lastAnswer };
}

export function useIsDark(): boolean {
  const [dark, setDark] = useState(isDark());
  useEffect(() => onThemeChange(() => setDark(isDark())), []);
  return dark;
}

// The element's inner width in CSS pixels; 0 before the first drawing.
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

// The current time, renewed so that "3 min ago" stays true.
export function useNow(refreshMs = kRefreshMs): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs]);
  return now;
}

// True once the element has come into view.
export function useSeen(element: RefObject<Element | null>): boolean {
  const [seen, setSeen] = useState(false);
  const observer = useRef<IntersectionObserver | null>(null);
  useEffect(() => {
    if (!element.current || seen) return undefined;
    observer.current = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
    });
    observer.current.observe(element.current);
    return () => observer.current?.disconnect();
  }, [seen]);
  return seen;
}
