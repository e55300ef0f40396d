// The flame graph with its controls: width by use or by growth, search, zoom, and a table of the same figures.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { percent } from '../format';
import { FlameCanvas } from './flame_canvas';
import { foldLibrary } from './library';
import { layOut, type Layout, type WidthBy } from './layout';
import { shortFunction } from './names';
import { search, type Matches } from './search';
import { FrameFacts, frameSentence } from './tooltip';
import { TopTable } from './top_table';
import { frameOf, pathTo, type FlameTree } from './tree';
import { isInside, samePlace } from './view';

type Frames = 'own' | 'all';

interface Props {
  tree: FlameTree;
  label: string; // what the graph shows, for screen readers
}

export function FlameGraph({ tree: whole, label }: Props) {
  const [frames, setFrames] = useState<Frames>('own');
  const folded = useMemo(() => foldLibrary(whole), [whole]);
  const tree = frames === 'own' ? folded : whole;
  const [widthBy, setWidthBy] = useState<WidthBy>('growth');
  const [query, setQuery] = useState('');
  const [asTable, setAsTable] = useState(false);
  const used: WidthBy = tree.isDiff && hasGrowth(tree) ? widthBy : 'value';
  const layout = useMemo(() => layOut(tree, used), [tree, used]);
  const matches = useMemo(() => search(layout, query), [layout, query]);
  const { zoom, selected, setZoom, setSelected } = usePlace(layout);
  const onZoom = (node: number) => {
    setZoom(node);
    if (selected >= 0 && !isInside(layout, node, selected)) setSelected(node);
  };
  const showMatch = () => {
    if (matches.widest < 0) return;
    setZoom(matches.widest);
    setSelected(matches.widest);
  };

  if (layout.total <= 0) return <p class="quiet">The profile holds no samples in this time.</p>;
  return (
    <div class="flame">
      <div class="flame-tools">
        <label class="search">
          <span class="hidden">Search functions and files</span>
          <input type="search" placeholder="Search functions, files" value={query} spellcheck={false}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && showMatch()} />
        </label>
        <output class="flame-matches" aria-live="polite">
          {matches.query !== '' && matchText(matches, used, frames === 'own' && folded.size < whole.size)}
        </output>
        {matches.widest >= 0 && <button type="button" onClick={showMatch}>Zoom to match</button>}
        <span class="stretch" />
        {tree.isDiff && hasGrowth(tree) && (
          <Choice label="Width" value={widthBy} options={[['growth', 'growth'], ['value', 'in use']]} onChoose={setWidthBy} />
        )}
        {folded.size < whole.size && (
          <Choice label="Frames" value={frames} options={[['own', 'own'], ['all', 'all']]} onChoose={setFrames} />
        )}
        <Choice label="Show as" value={asTable ? 'table' : 'graph'} options={[['graph', 'graph'], ['table', 'table']]}
          onChoose={(choice) => setAsTable(choice === 'table')} />
      </div>
      {asTable ? <TopTable tree={whole} query={matches.query} /> : (
        <>
          <Crumbs layout={layout} zoom={zoom} onZoom={onZoom} />
          <FlameCanvas layout={layout} zoom={zoom} selected={selected} matches={matches} label={label}
            onZoom={onZoom} onSelect={setSelected} />
          <div class="flame-foot">
            <div class="flame-facts">{selected >= 0 ? <FrameFacts layout={layout} node={selected} /> : <Legend tree={tree} />}</div>
            <p id="flame-keys" class="quiet keys">Click or Enter zooms, arrows move, Backspace steps out, Escape shows all.</p>
            <div class="hidden" aria-live="polite">{selected >= 0 ? frameSentence(layout, selected) : ''}</div>
          </div>
        </>
      )}
    </div>
  );
}

function matchText(matches: Matches, widthBy: WidthBy, isFolded: boolean): string {
  if (matches.nodes === 0 && isFolded) return 'No own frame; all frames may have more';
  const frames = matches.nodes === 1 ? 'frame' : 'frames';
  return `${matches.nodes} ${frames}, ${percent(matches.share)} ${widthBy === 'growth' ? 'of growth' : 'of all'}`;
}

// Zoom and selection; when the layout changes they follow the same functions.
function usePlace(layout: Layout) {
  const [place, setPlace] = useState({ layout, zoom: 0, selected: -1 });
  let current = place;
  if (place.layout !== layout) {
    const zoom = samePlace(place.layout, place.zoom, layout);
    current = { layout, zoom, selected: place.selected < 0 ? -1 : samePlace(place.layout, place.selected, layout) };
  }
  useEffect(() => {
    if (current !== place) setPlace(current);
  }, [layout]);
  return {
    zoom: current.zoom,
    selected: current.selected,
    setZoom: (zoom: number) => setPlace((before) => ({ ...before, layout, zoom })),
    setSelected: (selected: number) => setPlace((before) => ({ ...before, layout, selected })),
  };
}

function hasGrowth(tree: FlameTree): boolean {
  return tree.selfDelta.some((delta) => delta > 0);
}

const kMaxCrumbs = 5;

function Crumbs({ layout, zoom, onZoom }: { layout: Layout; zoom: number; onZoom: (node: number) => void }) {
  const path = pathTo(layout.tree, zoom);
  const shown = path.length > kMaxCrumbs ? [path[0]!, ...path.slice(-(kMaxCrumbs - 1))] : path;
  return (
    <nav class="crumbs" aria-label="Zoomed frame">
      {shown.map((node, i) => (
        <span key={node}>
          {i > 0 && <span class="crumb-mark" aria-hidden="true">{i === 1 && shown.length < path.length ? '› … ›' : '›'}</span>}
          {node === zoom
            ? <b title={frameOf(layout.tree, node).function}>{shortFunction(frameOf(layout.tree, node).function)}</b>
            : <button type="button" class="plain" onClick={() => onZoom(node)}>{shortFunction(frameOf(layout.tree, node).function)}</button>}
        </span>
      ))}
      {zoom !== 0 && <button type="button" class="crumb-reset" onClick={() => onZoom(0)}>Show all</button>}
    </nav>
  );
}

function Legend({ tree }: { tree: FlameTree }) {
  if (!tree.isDiff) return <p class="quiet">Width is what is in use; colours tell packages apart.</p>;
  return (
    <p class="legend quiet">
      <span class="ramp shrink" aria-hidden="true" />shrank
      <span class="ramp same" aria-hidden="true" />unchanged
      <span class="ramp growth" aria-hidden="true" />grew: the stronger, the more of the frame is new
    </p>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChoose: (choice: T) => void;
}

// A few options side by side, one pressed.
export function Choice<T extends string>({ label, value, options, onChoose }: ChoiceProps<T>) {
  return (
    <div class="choice" role="group" aria-label={label}>
      <span class="choice-label" aria-hidden="true">{label}</span>
      {options.map(([option, name]) => (
        <button type="button" key={option} aria-pressed={option === value} onClick={() => onChoose(option)}>{name}</button>
      ))}
    </div>
  );
}
