// The drawn icicle: root on top, callees below. Scrolls inside a box of its own; only what is in sight is drawn.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useIsDark, useWidth } from '../hooks';
import { canvasColours } from '../palette';
import type { Layout } from './layout';
import { paint, kRowPx } from './paint';
import type { Matches } from './search';
import { Tooltip, type Pointer } from './tooltip';
import { frameOf } from './tree';
import { isInside, neighbour, nodeAt, type Direction } from './view';

const kMaxRowsShown = 26;

interface Props {
  layout: Layout;
  zoom: number;
  selected: number;
  matches: Matches;
  label: string;
  onZoom: (node: number) => void;
  onSelect: (node: number) => void;
}

const kArrows: Record<string, Direction> = {
  ArrowUp: 'parent', ArrowDown: 'child', ArrowLeft: 'left', ArrowRight: 'right',
};

export function FlameCanvas(props: Props) {
  const { layout, zoom, selected, matches } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [pointer, setPointer] = useState<Pointer | null>(null);
  const [scrollPx, setScrollPx] = useState(0);
  const widthPx = useWidth(box);
  const colours = canvasColours(useIsDark());
  const heightPx = Math.min(layout.rows.length, kMaxRowsShown) * kRowPx;
  const hovered = pointer && pointer.node < layout.tree.size ? pointer.node : -1;

  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || widthPx === 0) return;
    const ratio = devicePixelRatio || 1;
    resize(canvas.current!, widthPx, heightPx, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const scene = { layout, zoom, selected, hovered, matches, scrollPx, widthPx, heightPx, colours };
    canvas.current!.dataset.boxes = String(paint(context, scene));
  }, [layout, zoom, selected, hovered, matches, scrollPx, widthPx, heightPx, colours]);

  useEffect(() => {
    if (box.current) keepInSight(box.current, layout.tree.depth[selected >= 0 ? selected : zoom]!);
  }, [layout, zoom, selected]);

  const find = (event: MouseEvent): number => {
    const area = canvas.current!.getBoundingClientRect();
    const row = Math.floor((event.clientY - area.top + scrollPx) / kRowPx);
    return nodeAt(layout, zoom, row, event.clientX - area.left, widthPx);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (event.pointerType === 'touch') return;
    const node = find(event);
    setPointer(node < 0 ? null : { node, x: event.clientX, y: event.clientY });
  };
  const onClick = (event: MouseEvent) => {
    const node = find(event);
    if (node < 0) return;
    props.onSelect(node);
    props.onZoom(node);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !act(event.key, props)) return;
    event.preventDefault();
    setPointer(null);
  };

  return (
    <>
      <div class="flame-box" ref={box} style={{ height: `${heightPx}px` }}
        onScroll={(event) => setScrollPx(event.currentTarget.scrollTop)}>
        <div class="flame-space" style={{ height: `${layout.rows.length * kRowPx}px` }}>
          <canvas ref={canvas} class="flame-canvas" tabIndex={0} role="application" aria-label={props.label}
            aria-roledescription="flame graph" aria-describedby="flame-keys"
            data-nodes={layout.tree.size} data-zoom={frameOf(layout.tree, zoom).function}
            data-selected={selected < 0 ? '' : frameOf(layout.tree, selected).function}
            onPointerMove={onPointerMove} onPointerLeave={() => setPointer(null)}
            onClick={onClick} onKeyDown={onKeyDown} />
        </div>
      </div>
      {pointer && hovered >= 0 && <Tooltip layout={layout} pointer={pointer} />}
    </>
  );
}

// Whether the key means something here.
function act(key: string, { layout, zoom, selected, onZoom, onSelect }: Props): boolean {
  const direction = kArrows[key];
  if (direction) {
    onSelect(selected < 0 ? zoom : neighbour(layout, zoom, selected, direction));
  } else if (key === 'Home') {
    onSelect(0);
  } else if (key === 'Enter' || key === ' ') {
    if (selected >= 0) onZoom(selected);
  } else if (key === 'Escape' && (zoom !== 0 || selected >= 0)) {
    if (zoom === 0) onSelect(-1);
    else onZoom(0);
  } else if (key === 'Backspace') {
    const out = Math.max(0, layout.tree.parent[zoom]!);
    onZoom(out);
    if (selected >= 0 && !isInside(layout, out, selected)) onSelect(out);
  } else {
    return false;
  }
  return true;
}

function resize(canvas: HTMLCanvasElement, widthPx: number, heightPx: number, ratio: number): void {
  const width = Math.round(widthPx * ratio);
  const height = Math.round(heightPx * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${widthPx}px`;
    canvas.style.height = `${heightPx}px`;
  }
}

// Leaves two rows of callers above when it must scroll.
function keepInSight(box: HTMLElement, row: number): void {
  const top = row * kRowPx;
  if (top < box.scrollTop || top + kRowPx > box.scrollTop + box.clientHeight) {
    box.scrollTop = Math.max(0, top - 2 * kRowPx);
  }
}
