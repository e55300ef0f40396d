// Colours and font of canvases. They are here because a canvas cannot read CSS light-dark(); all others are in
// style/tokens.css.

export interface CanvasColours {
  surface: string;
  text: string;
  textOnStrong: string;
  muted: string;
  grid: string;
  accent: string;
  neutral: string;
  growth: readonly string[]; // weak to strong
  shrink: readonly string[];
  plain: readonly string[]; // frames of a profile without a base, by package
  series: readonly string[]; // lines of a chart; told apart by every kind of colour vision (Okabe and Ito, 2008)
}

const kLight: CanvasColours = {
  surface: '#ffffff', text: '#1c2528', textOnStrong: '#ffffff', muted: '#5c6a70', grid: '#e6eaec', accent: '#0b6e75',
  neutral: '#e4e8ea',
  growth: ['#f7dfd4', '#f2bfa9', '#e89a7e', '#d4684d', '#b5402f'],
  shrink: ['#d9e8f3', '#afd0e8', '#7fb3d9', '#4589be', '#1f639b'],
  plain: ['#cfe3e0', '#d5dfeb', '#e6e0cf', '#dcd9ea', '#d3e5cf', '#e8d9dc'],
  series: ['#c4472f', '#0072b2', '#00806a', '#a8599b', '#9a6a00', '#3f8fc4', '#5c6a70'],
};

const kDark: CanvasColours = {
  surface: '#141b1e', text: '#dde5e7', textOnStrong: '#ffffff', muted: '#93a2a8', grid: '#263136', accent: '#58b6b3',
  neutral: '#2d383d',
  growth: ['#48322d', '#663a31', '#894436', '#ab4f3c', '#c95c45'],
  shrink: ['#263c4a', '#28506a', '#2b648a', '#3079a8', '#3a8dc4'],
  plain: ['#28444a', '#2e3f56', '#4a432f', '#403a57', '#304a35', '#4d373d'],
  series: ['#ef7d5f', '#5aaee6', '#3fbf9f', '#d492c8', '#e0ae45', '#8fc7ea', '#93a2a8'],
};

export function canvasColours(dark: boolean): CanvasColours {
  return dark ? kDark : kLight;
}

export const kCanvasFont = 'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
