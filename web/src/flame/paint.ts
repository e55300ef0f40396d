// Draws the visible part of a layout on a canvas: only rows in sight, only frames a pixel wide or more.
import { kCanvasFont, type CanvasColours } from '../palette';
import { fit, shortFunction } from './names';
import type { Layout } from './layout';
import type { Matches } from './search';
import { frameOf, type FlameTree } from './tree';
import { boxesOfRow, type Box } from './view';

export const kRowPx = 19;
const kTextPx = 11;
const kMinTextWidthPx = 34;
const kPaddingPx = 4;

export interface Scene {
  layout: Layout;
  zoom: number;
  selected: number; // -1: none
  hovered: number; // -1: none
  matches: Matches;
  scrollPx: number;
  widthPx: number;
  heightPx: number;
  colours: CanvasColours;
}

// Returns the number of boxes drawn.
export function paint(context: CanvasRenderingContext2D, scene: Scene): number {
  const { widthPx, heightPx, scrollPx } = scene;
  context.clearRect(0, 0, widthPx, heightPx);
  context.font = `${kTextPx}px ${kCanvasFont}`;
  context.textBaseline = 'middle';
  const charPx = Math.max(1, context.measureText('abcdefghijklmnopqrstuvwxyz_:.').width / 29);
  const firstRow = Math.max(0, Math.floor(scrollPx / kRowPx));
  const lastRow = Math.min(scene.layout.rows.length - 1, Math.floor((scrollPx + heightPx) / kRowPx));
  let drawn = 0;
  for (let row = firstRow; row <= lastRow; row++) {
    const y = row * kRowPx - scrollPx;
    boxesOfRow(scene.layout, scene.zoom, row, widthPx, (box) => {
      paintBox(context, scene, box, y, charPx);
      drawn += 1;
    });
  }
  outline(context, scene, scene.hovered, 1);
  outline(context, scene, scene.selected, 2);
  return drawn;
}

function paintBox(context: CanvasRenderingContext2D, scene: Scene, box: Box, y: number, charPx: number): void {
  const { layout, matches, colours } = scene;
  const { tree } = layout;
  const isMiss = matches.query !== '' && (box.node === 0 || matches.frames[tree.frame[box.node]!] === 0);
  const isAbove = tree.depth[box.node]! < tree.depth[scene.zoom]!;
  const colour = colourOf(tree, box.node, colours);
  context.globalAlpha = isMiss ? 0.3 : isAbove ? 0.6 : 1;
  context.fillStyle = colour.fill;
  context.fillRect(box.x, y, Math.max(1, box.width - (box.width > 3 ? 1 : 0)), kRowPx - 1);
  if (box.width >= kMinTextWidthPx) {
    context.globalAlpha = isMiss ? 0.6 : isAbove ? 0.8 : 1;
    context.fillStyle = isMiss ? colours.text : colour.text;
    const chars = Math.floor((box.width - 2 * kPaddingPx) / charPx);
    context.fillText(fit(shortFunction(frameOf(tree, box.node).function), chars), box.x + kPaddingPx, y + kRowPx / 2);
  }
  context.globalAlpha = 1;
}

function outline(context: CanvasRenderingContext2D, scene: Scene, node: number, thicknessPx: number): void {
  const { layout } = scene;
  if (node < 0) return;
  const depth = layout.tree.depth[node]!;
  boxesOfRow(layout, scene.zoom, depth, scene.widthPx, (box) => {
    if (box.node !== node) return;
    const inset = thicknessPx / 2;
    context.strokeStyle = scene.colours.text;
    context.lineWidth = thicknessPx;
    const y = depth * kRowPx - scene.scrollPx;
    context.strokeRect(box.x + inset, y + inset, Math.max(1, box.width - 1 - thicknessPx), kRowPx - 1 - thicknessPx);
  });
}

// How much of the frame is new (or gone): growth over the larger of before and after, -1 to 1.
export function growthRatio(tree: FlameTree, node: number): number {
  const value = tree.value[node]!;
  const delta = tree.delta[node]!;
  const larger = Math.max(value, value - delta);
  return larger > 0 ? Math.max(-1, Math.min(1, delta / larger)) : 0;
}

function colourOf(tree: FlameTree, node: number, colours: CanvasColours): { fill: string; text: string } {
  if (!tree.isDiff) {
    const fill = node === 0 ? colours.neutral : colours.plain[packageHash(tree, node) % colours.plain.length]!;
    return { fill, text: colours.text };
  }
  const ratio = growthRatio(tree, node);
  const scale = ratio > 0 ? colours.growth : colours.shrink;
  const step = Math.min(scale.length - 1, Math.floor(Math.abs(ratio) * scale.length));
  if (Math.abs(ratio) < 0.01) return { fill: colours.neutral, text: colours.text };
  return { fill: scale[step]!, text: step >= scale.length - 2 ? colours.textOnStrong : colours.text };
}

// Frames of one module and package share a colour.
function packageHash(tree: FlameTree, node: number): number {
  const frame = frameOf(tree, node);
  const name = `${frame.module}/${frame.function.replace(/(::|\.)[^:.]*$/, '')}`;
  let hash = 5381;
  for (let i = 0; i < name.length; i++) hash = (hash * 33 + name.charCodeAt(i)) >>> 0;
  return hash;
}
