// Copies the page's sources beside the installed packages. Usage: node sync.mjs WEB_FOLDER WORK_FOLDER
// esbuild and tsc look for packages upwards from a source's own folder, so both must stand in one tree.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';

const [source, work] = process.argv.slice(2);
if (!source || !work) {
  console.error('usage: node sync.mjs WEB_FOLDER WORK_FOLDER');
  process.exit(2);
}
for (const name of ['src', 'static', 'test', 'build.mjs', 'run_tests.mjs', 'tsconfig.json']) {
  await rm(join(work, name), { recursive: true, force: true });
  await cp(join(source, name), join(work, name), { recursive: true });
}
