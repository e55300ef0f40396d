// Bundles and runs the page's unit tests. Usage: node run_tests.mjs
// node --test takes a folder in Node 18 and patterns from 21 on; naming the files works in all.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));
const out = join(web, 'build-test');
execFileSync(process.execPath, [join(web, 'build.mjs'), '--tests', out], { stdio: 'inherit' });
const files = readdirSync(out).filter((name) => name.endsWith('.test.mjs')).map((name) => join(out, name));
try {
  execFileSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
} catch {
  process.exit(1);
}
