// Small pieces that every view uses.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from './api';
import { ago, clock } from './format';
import { useNow } from './hooks';

export function Section({ title, note, children, id }: { title: string; note?: ComponentChildren; children: ComponentChildren; id: string }) {
  return (
    <section class="section" aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {note && <div class="section-note">{note}</div>}
      </div>
      {children}
    </section>
  );
}

export function Fact({ name, value, detail, kind = '' }: { name: string; value: ComponentChildren; detail?: ComponentChildren; kind?: string }) {
  return (
    <div class={`fact ${kind}`}>
      <dt>{name}</dt>
      <dd>
        <span class="fact-value">{value}</span>
        {detail && <span class="fact-detail">{detail}</span>}
      </dd>
    </div>
  );
}

export function When({ time }: { time: number | null }) {
  const now = useNow();
  if (time === null) return <span>{'\u2013'}</span>;
  return <time dateTime={new Date(time).toISOString()} title={new Date(time).toISOString()}>{ago(time, now)}</time>;
}

export function Clock({ time }: { time: number | null }) {
  if (time === null) return <span>{'\u2013'}</span>;
  return <time dateTime={new Date(time).toISOString()} title={new Date(time).toISOString()}>{clock(time, Date.now())}</time>;
}

const kSaidMs = 1_500;

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (said === '') return undefined;
    const timer = setTimeout(() => setSaid(''), kSaidMs);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text)) ? 'Copied' : 'Not copied');
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
      <span aria-live="polite">{said || 'Copy'}</span>
    </button>
  );
}

// The clipboard is there only over HTTPS and on localhost; a selection works everywhere else.
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

export function Command({ text, what }: { text: string; what: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  );
}

export function ErrorNote({ error }: { error: ApiError }) {
  return <p class="error" role="alert">{error.message}</p>;
}

export function Waiting({ what }: { what: string }) {
  return <p class="quiet waiting">Loading {what}…</p>;
}
