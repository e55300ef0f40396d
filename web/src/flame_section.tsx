// The flame graph of a service over a stretch of time: growth from a base, or what is in use.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { apiUrl, getJson, rfc3339, type ApiError, type Query } from './api';
import { Choice, FlameGraph } from './flame/flame_graph';
import { treeFromJson, treeFromStacks, type FlameTree } from './flame/tree';
import { clock, inUnit, signedInUnit } from './format';
import type { StackEvidence } from './model';
import { Section, Waiting } from './ui';
import type { Span } from './windows';

type Mode = 'growth' | 'use';
type Measure = 'inuse_space' | 'inuse_objects';

interface Props {
  service: string;
  version: string; // "": all
  spans: (now: number) => { base: Span; current: Span };
  stacks: readonly StackEvidence[]; // shown where the server has no profile of that time any more
}

interface Loaded {
  key: string;
  tree: FlameTree | null;
  error: string;
  url: string;
}

export function FlameSection({ service, version, spans, stacks }: Props) {
  const [mode, setMode] = useState<Mode>('growth');
  const [measure, setMeasure] = useState<Measure>('inuse_space');
  const [asked, setAsked] = useState(() => Date.now()); // the graph stands still until the reader asks again
  const times = useMemo(() => spans(asked), [asked]);
  const query = { service, version, type: measure, ...timesOf(mode, times) };
  const path = mode === 'growth' ? 'profile/diff' : 'profile';
  const { tree, error, url } = useTree(apiUrl(path, { ...query, format: 'json' }));
  const fallback = useMemo(() => (error !== '' && stacks.length > 0 ? evidenceTree(stacks, measure) : null), [error, stacks, measure]);
  const shown = tree ?? fallback;
  return (
    <Section id="flame" title={mode === 'growth' ? 'What grew' : 'What is in use'} note={
      <>
        <Choice label="Compare" value={mode} options={[['growth', 'growth'], ['use', 'in use']]} onChoose={setMode} />
        <Choice label="Measure" value={measure} options={[['inuse_space', 'bytes'], ['inuse_objects', 'objects']]} onChoose={setMeasure} />
        <button type="button" onClick={() => setAsked(Date.now())}>Renew</button>
        <a class="button" href={apiUrl(path, { ...query, format: 'pprof' })} download={`${service}-${mode}.pb.gz`}>pprof</a>
      </>
    }>
      {tree && <p class="quiet">{sentenceOf(tree, mode, times, version)}</p>}
      {!tree && fallback && <p class="quiet">{error} Shown are the {stacks.length} stacks kept as evidence.</p>}
      {!shown && error !== '' && <p class="quiet" role="status">{error}</p>}
      {!shown && error === '' && <Waiting what="the profile" />}
      {shown && <FlameGraph key={url === '' ? 'evidence' : mode} tree={shown} label={`${service} ${version}, ${mode === 'growth' ? 'growth' : 'in use'} by call stack`} />}
    </Section>
  );
}

function timesOf(mode: Mode, { base, current }: { base: Span; current: Span }): Query {
  const now = { from: rfc3339(current.from), to: rfc3339(current.to) };
  return mode === 'use' ? now : { ...now, base_from: rfc3339(base.from), base_to: rfc3339(base.to) };
}

function sentenceOf(tree: FlameTree, mode: Mode, { base, current }: { base: Span; current: Span }, version: string): string {
  const now = Date.now();
  const of = version === '' ? '' : ` of ${version}`;
  const value = inUnit(tree.value[0]!, tree.unit);
  if (mode === 'use') return `${value} in use${of} at ${clock(current.to, now)}.`;
  return `${value} in use${of} at ${clock(current.to, now)}, ${signedInUnit(tree.delta[0]!, tree.unit)} since ${clock(base.to, now)}.`;
}

// The tree of the last address asked for; the one before stays until the next has come.
function useTree(url: string): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ key: '', tree: null, error: '', url: '' });
  useEffect(() => {
    const abort = new AbortController();
    getJson(url, abort.signal)
      .then((raw) => setLoaded({ key: url, tree: treeFromJson(raw), error: '', url }))
      .catch((error: ApiError | Error) => {
        if (!abort.signal.aborted) setLoaded({ key: url, tree: null, error: error.message, url: '' });
      });
    return () => abort.abort();
  }, [url]);
  return loaded;
}

function evidenceTree(stacks: readonly StackEvidence[], measure: Measure): FlameTree {
  const samples = stacks.map((stack) => ({
    frames: stack.frames,
    value: measure === 'inuse_space' ? stack.inuseBytes : stack.inuseObjects,
    delta: 0,
  }));
  return treeFromStacks(samples, measure, measure === 'inuse_space' ? 'bytes' : 'objects');
}
