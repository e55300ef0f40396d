// Bundles the page. Usage: node build.mjs [--out DIR] | node build.mjs --tests DIR
// Writes index.html, app.js, app.css, theme.js, favicon.svg and licenses.txt; no other step, no network.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));

function argument(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const common = {
  absWorkingDir: web,
  bundle: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  logLevel: 'warning',
};

async function buildPage(out) {
  await mkdir(out, { recursive: true });
  await build({
    ...common,
    entryPoints: { app: 'src/main.tsx', theme: 'src/theme_boot.ts' },
    outdir: out,
    format: 'iife',
    minify: true,
    legalComments: 'none',
  });
  for (const name of await readdir(join(web, 'static'))) {
    await copyFile(join(web, 'static', name), join(out, name));
  }
  await writeFile(join(out, 'licenses.txt'), await licenses());
}

// The licences of what the bundle contains; they ask to be kept beside every copy.
async function licenses() {
  let text = 'Tidemark is licensed under Apache-2.0. This page contains:\n';
  for (const name of ['preact', 'uplot']) {
    const folder = join(web, 'node_modules', name);
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    text += `\n--- ${name} ${version}\n\n${await readFile(join(folder, 'LICENSE'), 'utf8')}`;
  }
  return text;
}

async function buildTests(out) {
  await rm(out, { recursive: true, force: true });
  const names = (await readdir(join(web, 'test'))).filter((name) => name.endsWith('.test.ts'));
  await build({
    ...common,
    entryPoints: names.map((name) => join('test', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    sourcemap: 'inline',
    target: 'node18',
  });
}

const tests = argument('--tests');
if (tests) {
  await buildTests(resolve(tests));
} else {
  await buildPage(resolve(argument('--out') ?? join(web, 'dist')));
}
