// A headless Chromium of the system's, and what each page of it asked for and complained about.
import { chromium } from 'playwright-core';

const kFlags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const kDeadlineMs = 20_000;

export async function startBrowser(executablePath) {
  return chromium.launch({ executablePath, headless: true, args: kFlags }); // with a fresh profile of its own
}

// A page of its own storage. complaints collects console errors and warnings, exceptions, and requests to other hosts.
export async function openPage(browser, baseUrl, complaints, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  context.setDefaultTimeout(kDeadlineMs);
  const page = await context.newPage();
  const origin = new URL(baseUrl).origin;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console ${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:') complaints.push(`request to another host: ${url}`);
  });
  return page;
}

// Calls again until the answer is true; throws with what it waited for when the deadline has passed.
export async function until(what, condition) {
  const end = Date.now() + kDeadlineMs;
  let last;
  while (Date.now() < end) {
    last = await condition();
    if (last === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${kDeadlineMs / 1000} s; last: ${JSON.stringify(last)}`);
}
