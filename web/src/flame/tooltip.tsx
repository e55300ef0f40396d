// What is known of one frame: beside the pointer, and (for keyboard and touch) in a line below the graph.
import { inUnit, percent, signedInUnit } from '../format';
import { place } from './names';
import type { Layout } from './layout';
import { frameOf } from './tree';

export interface Pointer {
  node: number;
  x: number; // px in the window
  y: number;
}

const kWidthPx = 380;
const kHeightPx = 130;

export function Tooltip({ layout, pointer }: { layout: Layout; pointer: Pointer }) {
  const left = Math.max(8, Math.min(pointer.x + 14, innerWidth - kWidthPx - 8));
  const below = pointer.y + 18;
  const top = below + kHeightPx > innerHeight ? Math.max(8, pointer.y - kHeightPx - 6) : below;
  return (
    <div class="flame-tip" aria-hidden="true" style={{ left: `${left}px`, top: `${top}px` }}>
      <FrameFacts layout={layout} node={pointer.node} />
    </div>
  );
}

export function FrameFacts({ layout, node }: { layout: Layout; node: number }) {
  const { tree } = layout;
  const frame = frameOf(tree, node);
  const share = layout.total > 0 ? (layout.x1[node]! - layout.x0[node]!) / layout.total : 0;
  const where = place(frame.file, frame.line) || frame.module;
  const folded = tree.folded[node]!;
  return (
    <>
      <div class="frame-name">{frame.function}</div>
      {where !== '' && <div class="frame-place">{where}</div>}
      {folded > 0 && <div class="frame-place">called through {folded} library {folded === 1 ? 'frame' : 'frames'}</div>}
      <dl class="frame-figures">
        {tree.isDiff && <Figure name="growth" value={signedInUnit(tree.delta[node]!, tree.unit)} kind={sideOf(tree.delta[node]!)} />}
        <Figure name="in use" value={inUnit(tree.value[node]!, tree.unit)} />
        <Figure name="own" value={inUnit(tree.self[node]!, tree.unit)} />
        <Figure name={layout.widthBy === 'growth' ? 'of growth' : 'of all'} value={percent(share)} />
      </dl>
    </>
  );
}

// One line for a screen reader.
export function frameSentence(layout: Layout, node: number): string {
  const { tree } = layout;
  const frame = frameOf(tree, node);
  const growth = tree.isDiff ? `growth ${signedInUnit(tree.delta[node]!, tree.unit)}, ` : '';
  return `${frame.function}, ${growth}in use ${inUnit(tree.value[node]!, tree.unit)}, ${place(frame.file, frame.line)}`;
}

function Figure({ name, value, kind = '' }: { name: string; value: string; kind?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={kind}>{value}</dd>
    </div>
  );
}

function sideOf(delta: number): string {
  return delta > 0 ? 'grows' : delta < 0 ? 'shrinks' : '';
}
