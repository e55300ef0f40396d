// What the page must do, each a function of (test): {browser, baseUrl, outDir, complaints, readApi, incident, incidents, services}.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openPage, until } from './browser.mjs';

async function visit(test, hash, options) {
  const page = await openPage(test.browser, test.baseUrl, test.complaints, options);
  await page.goto(test.baseUrl + hash);
  await page.locator('h1').first().waitFor();
  return page;
}

async function shoot(test, page, name) {
  await page.screenshot({ path: join(test.outDir, `${name}.png`), fullPage: true });
}

const incidentHash = (test) => `#/incidents/${encodeURIComponent(test.incident.id)}`;
const rows = (page) => page.locator('.incidents > li');
const canvas = (page) => page.locator('.flame-canvas');
const flameState = (page) => canvas(page).evaluate((element) => ({ ...element.dataset }));

export async function inboxListsIncidentsAndServices(test) {
  const page = await visit(test, '');
  const open = test.incidents.filter((each) => each.state === 'open');
  assert.ok((await rows(page).count()) >= open.length, 'an open incident is missing');
  assert.match(await page.title(), /^\(\d+\) Tidemark$/);
  const row = rows(page).filter({ hasText: test.incident.service }).first();
  assert.match(await row.innerText(), /[KMG]iB\/h/);
  const listed = await page.locator('.services a').allInnerTexts();
  for (const service of test.services) assert.ok(listed.includes(service), `service ${service} is not listed`);
  await until('a spark line', async () => (await page.locator('.spark polyline').count()) > 0);
  await shoot(test, page, 'inbox');
  await page.context().close();
}

export async function filtersStandInTheAddress(test) {
  const page = await visit(test, '');
  await page.locator('.filters select').selectOption(test.incident.service);
  await until('the address to name the service', async () => page.url().includes(`service=${encodeURIComponent(test.incident.service)}`));
  await page.reload();
  await rows(page).first().waitFor();
  for (const text of await rows(page).locator('a').allInnerTexts()) assert.equal(text, test.incident.service);
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await until('the address to name the state', async () => page.url().includes('state=all'));
  await page.context().close();
}

// The incident's figures change while the page is looked at, so both are read until they agree.
export async function incidentShowsItsEvidence(test) {
  const page = await visit(test, incidentHash(test));
  await until('the page to show what the API has', async () => {
    const incident = await test.readApi(`incidents/${encodeURIComponent(test.incident.id)}`);
    const text = await page.locator('main').innerText();
    const missing = expectedTexts(incident).filter((each) => !text.includes(each));
    const stacks = await page.locator('.stacks > li').count();
    return (missing.length === 0 && stacks === incident.evidence.stacks.length) || { missing, stacks };
  });
  await page.locator('.chart canvas').waitFor();
  await until('the chart to name its newest value', async () => /\d [KMG]?i?B/.test(await page.locator('.chart .u-legend').innerText()));
  await canvas(page).waitFor();
  await shoot(test, page, 'incident');
  await page.context().close();
}

function expectedTexts(incident) {
  const { stacks, routes, traces, captures } = incident.evidence;
  const places = stacks.filter((each) => each.cause_file).map((each) => `${each.cause_file}:${each.cause_line}`);
  return [
    incident.summary, ...stacks.map((each) => each.cause), ...places, ...routes.map((each) => each.route),
    ...traces.map((each) => each.trace_id), ...captures.map((each) => each.instance),
  ];
}

export async function capturesCanBeDownloaded(test) {
  const page = await visit(test, incidentHash(test));
  const links = page.locator('#captures').locator('xpath=ancestor::section').getByRole('link', { name: 'Download' });
  assert.equal(await links.count(), Math.min(50, test.incident.evidence.captures.length));
  if ((await links.count()) > 0) {
    const address = await links.first().evaluate((link) => link.href);
    const response = await fetch(address);
    assert.equal(response.status, 200, address);
    assert.ok((await response.arrayBuffer()).byteLength > 0, 'the capture is empty');
    assert.match(await page.locator('main').innerText(), /go tool pprof .*\/api\/v1\/captures\//);
  }
  await page.context().close();
}

// Where no service serves heap dumps the page says how to send one.
export async function whoHoldsItIsSaidAndItsReportOpens(test) {
  const dumped = test.incidents.find((each) => each.evidence.heap_dumps.length > 0);
  const page = await visit(test, `#/incidents/${encodeURIComponent((dumped ?? test.incident).id)}`);
  const section = page.locator('#holders').locator('xpath=ancestor::section');
  if (!dumped) {
    assert.match(await section.innerText(), /tidemark shrink/);
    return page.context().close();
  }
  const { heap_dumps: dumps, retention } = dumped.evidence;
  const expected = [dumps.at(-1).headline, retention[0]];
  await until('the finding', async () => {
    const text = await section.innerText();
    return expected.every((each) => text.includes(each)) || text;
  });
  await section.scrollIntoViewIfNeeded();
  const opened = page.context().waitForEvent('page');
  await section.getByRole('link', { name: 'Report' }).first().click();
  const report = await opened;
  report.on('pageerror', (error) => test.complaints.push(`report: ${error.message}`));
  await until('the report to say the same', async () => (await report.locator('main').innerText()).includes(expected[0]));
  await shoot(test, report, 'heap-report');
  await page.context().close();
}

export async function flameGraphZoomsByKeyAndByClick(test) {
  const page = await visit(test, incidentHash(test));
  await canvas(page).focus();
  assert.ok(Number((await flameState(page)).nodes) > 2, 'the flame graph has no frames');
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
  await until('Enter to zoom', async () => (await flameState(page)).zoom !== 'all');
  const { zoom, selected } = await flameState(page);
  assert.equal(zoom, selected);
  assert.ok((await page.locator('.flame-facts').innerText()).includes(selected), 'the selected frame is not described');
  await page.keyboard.press('Backspace');
  await until('Backspace to step out', async () => (await flameState(page)).zoom !== zoom);
  await page.keyboard.press('Escape');
  await until('Escape to show all', async () => (await flameState(page)).zoom === 'all');
  const box = await canvas(page).boundingBox();
  await page.mouse.move(box.x + 30, box.y + 19 * 2.5);
  await page.locator('.flame-tip').waitFor();
  await page.mouse.click(box.x + 30, box.y + 19 * 2.5);
  await until('a click to zoom', async () => (await flameState(page)).zoom !== 'all');
  await shoot(test, page, 'flame-zoom');
  await page.getByRole('button', { name: 'Show all' }).click();
  await until('the button to show all', async () => (await flameState(page)).zoom === 'all');
  await page.context().close();
}

export async function flameGraphFindsTheCause(test) {
  const page = await visit(test, incidentHash(test));
  await canvas(page).waitFor();
  const { cause } = test.incident.evidence.stacks[0];
  await page.getByPlaceholder('Search functions').fill(cause);
  const matches = page.locator('.flame-matches');
  await until('the search to match', async () => /^[1-9]\d* frames?, /.test(await matches.innerText()) || matches.innerText());
  assert.doesNotMatch(await matches.innerText(), /, 0 %/);
  await shoot(test, page, 'flame-search');
  await page.keyboard.press('Enter');
  await until('Enter to zoom to the match', async () => (await flameState(page)).zoom.includes(cause));
  await page.getByRole('button', { name: 'table', exact: true }).click();
  assert.ok((await page.locator('.flame table tbody th').first().innerText()).length > 0);
  await page.context().close();
}

export async function everythingIsReachedByKeyboard(test) {
  const page = await visit(test, '');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const ringed = [document.activeElement, document.activeElement.closest('li')];
      const hasRing = ringed.some((element) => element && getComputedStyle(element).outlineStyle !== 'none');
      return { hasRing, name: document.activeElement.textContent, href: document.activeElement.getAttribute('href') ?? '' };
    });
    assert.ok(stop.hasRing, `no focus ring on ${stop.name}`);
    if (!stop.href.startsWith('#/incidents/')) continue;
    await page.keyboard.press('Enter');
    await page.locator('#chart').waitFor();
    return page.context().close();
  }
  throw new Error('40 times Tab reached no incident');
}

const brightness = (page) => page.evaluate(() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
  return (r + g + b) / 3;
});

export async function lightAndDarkFollowSystemAndChoice(test) {
  const light = await visit(test, incidentHash(test), { colorScheme: 'light' });
  assert.ok((await brightness(light)) > 200);
  await light.context().close();
  const page = await visit(test, incidentHash(test), { colorScheme: 'dark' });
  await canvas(page).waitFor();
  assert.ok((await brightness(page)) < 60);
  await shoot(test, page, 'incident-dark');
  await page.getByRole('button', { name: /^Theme: auto/ }).click();
  assert.ok((await brightness(page)) > 200, 'the choice of light does nothing');
  await page.reload();
  await page.locator('h1').first().waitFor();
  assert.ok((await brightness(page)) > 200, 'the choice is lost on reload');
  await page.goto(test.baseUrl);
  await page.getByRole('button', { name: /^Theme: light/ }).click();
  await shoot(test, page, 'inbox-dark');
  await page.context().close();
}

export async function aPhoneNeedsNoSidewaysScrolling(test) {
  const views = { inbox: '', incident: incidentHash(test), service: `#/services/${encodeURIComponent(test.incident.service)}` };
  for (const [name, hash] of Object.entries(views)) {
    const page = await visit(test, hash, { width: 360, height: 740 });
    if (name !== 'inbox') await page.locator('.chart canvas').waitFor();
    if (name === 'incident') await canvas(page).waitFor();
    const extra = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(extra <= 0, `${name} is ${extra} px too wide`);
    await shoot(test, page, `${name}-360`);
    await page.context().close();
  }
}

export async function cleanServicesCanBeOpened(test) {
  const leaking = new Set(test.incidents.map((each) => each.service));
  const service = test.services.find((each) => !leaking.has(each)) ?? test.services[0];
  const page = await visit(test, `#/services/${encodeURIComponent(service)}`);
  assert.ok((await page.locator('h1').innerText()).includes(service));
  await page.locator('#instances').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Capture now' }).isEnabled());
  await shoot(test, page, 'service');
  await page.context().close();
}

// Renewing keeps the elements that stand, so that focus and selection survive it.
export async function renewingDoesNotRebuildThePage(test) {
  const page = await visit(test, incidentHash(test));
  await page.locator('.chart canvas').waitFor();
  await page.evaluate(() => {
    window.kept = [document.querySelector('h1'), document.querySelector('.chart canvas'), document.querySelector('.stack summary')];
    window.kept[2].focus();
  });
  for (let i = 0; i < 2; i++) await page.waitForResponse((response) => response.url().includes('/api/v1/series'));
  await page.waitForResponse((response) => response.url().includes('/api/v1/incidents/'));
  const state = await page.evaluate(() => ({
    connected: window.kept.every((element) => element.isConnected),
    focused: document.activeElement === window.kept[2],
  }));
  assert.deepEqual(state, { connected: true, focused: true });
  await page.context().close();
}
