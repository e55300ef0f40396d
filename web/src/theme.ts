// Light or dark: the reader's choice, else the system's.

export type ThemeChoice = 'auto' | 'light' | 'dark';

const kKey = 'tidemark.theme';
const listeners = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => listeners.forEach((listener) => listener()));

export function themeChoice(): ThemeChoice {
  const choice = document.documentElement.dataset.theme;
  return choice === 'light' || choice === 'dark' ? choice : 'auto';
}

export function isDark(): boolean {
  const choice = themeChoice();
  return choice === 'auto' ? system.matches : choice === 'dark';
}

export function chooseTheme(choice: ThemeChoice): void {
  applyTheme(choice);
  try {
    localStorage.setItem(kKey, choice);
  } catch {
    // storage is switched off: the choice lasts until the page is closed
  }
  listeners.forEach((listener) => listener());
}

export function applyStoredTheme(): void {
  try {
    applyTheme(localStorage.getItem(kKey) ?? 'auto');
  } catch {
    applyTheme('auto');
  }
}

export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function applyTheme(choice: string): void {
  if (choice === 'light' || choice === 'dark') document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
}
