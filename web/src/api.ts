// Calls of the server's HTTP API: addresses, errors, and whether the server answers at all.

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export type Query = Record<string, string | number | null | undefined>;

// Leaves out what is empty.
export function apiUrl(path: string, query: Query = {}): string {
  const options = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') options.set(name, String(value));
  }
  const text = options.toString();
  return `api/v1/${path}${text === '' ? '' : `?${text}`}`;
}

export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}

// For commands and links that leave the page.
export function absoluteUrl(url: string): string {
  return new URL(url, document.baseURI).href;
}

// The body's text, so that callers can see whether it changed before parsing. Throws ApiError; status 0: no answer.
export async function getText(url: string, signal?: AbortSignal): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { accept: 'application/json' }, cache: 'no-cache', ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) throw error;
    link.lost();
    throw new ApiError(0, 'The server does not answer.');
  }
  const text = await response.text();
  link.answered();
  if (!response.ok) throw new ApiError(response.status, messageOf(text, response));
  return text;
}

export async function getJson(url: string, signal?: AbortSignal): Promise<unknown> {
  return JSON.parse(await getText(url, signal));
}

export async function postJson(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, messageOf(text, response));
  return text === '' ? {} : JSON.parse(text);
}

function messageOf(text: string, response: Response): string {
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown };
    const message = typeof body.error === 'object' ? (body.error as { message?: unknown })?.message : body.error;
    const found = message ?? body.message;
    if (typeof found === 'string' && found !== '') return found;
  } catch {
    // not JSON: a proxy's page, say
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}

// Whether the last call was answered, for the mark in the page's head.
class Link {
  lastAnswer = 0; // epoch ms; 0: never
  isUp = true;
  private listeners = new Set<() => void>();

  answered(): void {
    this.lastAnswer = Date.now();
    this.set(true);
  }
  lost(): void {
    this.set(false);
  }
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  private set(isUp: boolean): void {
    if (isUp === this.isUp) return;
    this.isUp = isUp;
    this.listeners.forEach((listener) => listener());
  }
}

export const link = new Link();
