// The page in headless Chromium against a running server that has at least one open incident with a named cause.
// Usage: node page_test.mjs BASE_URL SCREENSHOT_DIR [CHROMIUM]      Exit status: 0 all well, 1 a check failed, 2 usage
import { mkdir } from 'node:fs/promises';
import { startBrowser } from './browser.mjs';
import * as checks from './checks.mjs';

const [baseArgument, outDir, chromium = '/usr/bin/chromium'] = process.argv.slice(2);
if (!baseArgument || !outDir) {
  console.error('usage: node page_test.mjs BASE_URL SCREENSHOT_DIR [CHROMIUM]');
  process.exit(2);
}

async function readApi(baseUrl, path) {
  const response = await fetch(`${baseUrl}api/v1/${path}`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.json();
}

async function prepare(baseUrl) {
  const { incidents } = await readApi(baseUrl, 'incidents');
  const { targets } = await readApi(baseUrl, 'targets');
  const subject = incidents.find((each) => each.state === 'open' && each.evidence?.stacks?.length > 0);
  if (!subject) throw new Error(`no open incident with a growing stack among ${incidents.length}: nothing to check the page with`);
  const incident = await readApi(baseUrl, `incidents/${encodeURIComponent(subject.id)}`);
  return { readApi: (path) => readApi(baseUrl, path), incident, incidents, services: [...new Set(targets.map((each) => each.service))] };
}

async function run(name, check, test) {
  test.complaints.length = 0;
  try {
    await check(test);
    if (test.complaints.length > 0) throw new Error(test.complaints.join('\n    '));
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${name}\n    ${error.stack ?? error}`);
    return false;
  }
}

const baseUrl = new URL('/', baseArgument).href;
const facts = await prepare(baseUrl);
await mkdir(outDir, { recursive: true });
const browser = await startBrowser(chromium);
let failures = 0;
try {
  for (const [name, check] of Object.entries(checks)) {
    if (!(await run(name, check, { browser, baseUrl, outDir, complaints: [], ...facts }))) failures += 1;
  }
} finally {
  await browser.close();
}
console.log(`${Object.keys(checks).length - failures} of ${Object.keys(checks).length} checks passed; screenshots in ${outDir}`);
process.exitCode = failures > 0 ? 1 : 0;
