// Draws the report that the page carries. Everything from the dump goes in as text, never as markup.
'use strict';
(() => {
  const report = JSON.parse(document.getElementById('report').textContent);
  const main = document.getElementById('main');

  // ---------------------------------------------------------------- pieces
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === 'onclick' || name === 'oninput') element[name] = value;
      else if (name === 'class') element.className = value;
      else if (value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let size = Math.abs(value), unit = 0;
    while (size >= 1024 && unit + 1 < units.length) { size /= 1024; ++unit; }
    const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
    return (value < 0 ? '-' : '') + size.toFixed(digits) + '\u00a0' + units[unit];
  }
  const count = (value) => value.toLocaleString('en-US');
  function share(part, whole) {
    if (whole === 0) return '\u2013';
    const percent = 100 * part / whole;
    return (percent > 0 && percent < 0.05 ? '<\u00a00.1' : percent.toFixed(percent >= 10 ? 0 : 1)) + '\u00a0%';
  }
  const change = (value, text) => make('span', { class: value > 0 ? 'plus' : value < 0 ? 'minus' : '' },
    (value > 0 ? '+' : '') + text(value));
  const signedCount = (value) => value.toLocaleString('en-US');
  const chainText = (chain) => chain.join(' \u2192 ');
  function section(title, note, ...children) {
    const head = make('div', { class: 'section-head' }, make('h2', {}, title));
    if (note) head.append(typeof note === 'string' ? make('span', { class: 'quiet' }, note) : note);
    main.append(make('section', { class: 'section' }, head, ...children));
  }

  const reachable = report.totals.owned.bytes + report.totals.shared.bytes;

  // ---------------------------------------------------------------- the finding
  function drawFinding() {
    const { dump, totals } = report;
    document.title = `Who holds it: ${dump.file} \u2013 Tidemark`;
    main.append(make('h1', { id: 'headline' }, report.headline));
    const about = [dump.file, dump.format, dump.facts['go version'] || dump.facts['jvm version'] || dump.facts['node version'],
      dump.file_bytes ? `a file of ${bytes(dump.file_bytes)}` : '', dump.time ? `written ${dump.time}` : '',
      report.growth ? `compared with ${report.growth.before}` : ''];
    main.append(make('p', { class: 'about' }, about.filter(Boolean).join(' \u00b7 ')));
    if (dump.partial) main.append(make('p', { class: 'warn' }, `PARTIAL: ${dump.damage}. What came before holds, what comes after is not counted.`));
    for (const broken of report.broken) main.append(make('p', { class: 'warn' }, `This report does not add up, which is a mistake of ours: ${broken}`));
    const fact = (name, amount, detail) => make('div', { class: 'fact' }, make('dt', {}, name),
      make('dd', {}, make('b', {}, bytes(amount.bytes)), make('span', {}, detail || `${count(amount.objects)} objects, ${share(amount.bytes, totals.all.bytes)}`)));
    main.append(make('dl', { class: 'facts' }, fact('The heap', totals.all, `${count(totals.all.objects)} objects, ${count(totals.references)} references`),
      fact('Held by one root', totals.owned), fact('Held by several roots', totals.shared), fact('Garbage', totals.garbage)));
  }

  function drawSuspects() {
    if (report.suspects.length === 0) return;
    const list = report.suspects.map((suspect, index) => {
      const bar = make('span', {});
      bar.style.width = `${100 * suspect.share}%`;
      const steps = suspect.path.map((step, at) => make('li', {},
        at > 0 ? make('span', { class: 'code how' }, step.how || 'refers to') : null,
        make('span', { class: at === 0 ? 'code root' : 'code' }, step.what),
        step.address !== '0x0' ? make('span', { class: 'where' }, step.address) : null,
        step.retained_bytes > 0 ? make('span', { class: 'quiet' }, `keeps ${bytes(step.retained_bytes)}`) : null));
      return make('div', { class: 'suspect' }, make('p', {}, suspect.sentence), make('div', { class: 'bar' }, bar),
        steps.length === 0 ? null : make('details', index === 0 ? { open: '' } : {}, make('summary', {}, `Shortest path from a root, ${steps.length} steps`), make('ol', { class: 'path' }, ...steps)));
    });
    section('Suspects', '', ...list);
  }

  // ---------------------------------------------------------------- the tree
  const tree = report.tree;
  const children = tree.map(() => []);
  tree.forEach((node, at) => { if (at > 0) children[node.parent].push(at); });
  const kHues = { global: 188, stack: 28, handle: 262, system: 215, finalizer: 330, segment: 150, root: 200, others: 210, heap: 200 };
  function colour(node) {
    if (node.kind === 'others') return 'hsl(205 10% 78%)';
    if (node.kind === 'heap') return 'hsl(195 14% 80%)';
    if (node.kind !== 'type') return `hsl(${kHues[node.kind] ?? 200} 45% 66%)`;
    let hash = 0;
    for (const c of node.name) hash = (hash * 31 + c.charCodeAt(0)) >>> 0;
    return `hsl(${8 + hash % 42} ${52 + hash % 17}% ${70 + (hash >>> 8) % 10}%)`;
  }
  function pathOf(at) {
    const path = [];
    for (; at !== 0; at = tree[at].parent) path.unshift(at);
    return path;
  }

  function drawFlame() {
    if (tree.length < 2) return;
    const kRow = 22, kMinWidth = 0.0012;
    const box = make('div', { class: 'flame', role: 'group', 'aria-label': 'Retained memory by owner, the heap on top' });
    const crumbs = make('nav', { class: 'crumbs', 'aria-label': 'Zoomed to' });
    const note = make('div', { class: 'flame-note', 'aria-live': 'polite' });
    const search = make('input', { type: 'search', placeholder: 'Find an owner or type', 'aria-label': 'Find in the graph' });
    let focus = 0;
    function describe(at) {
      const node = tree[at];
      note.replaceChildren(make('div', { class: 'code' }, at === 0 ? 'the heap' : chainText(pathOf(at).map((i) => tree[i].name))),
        `keeps ${bytes(node.retained_bytes)} (${share(node.retained_bytes, reachable)}) in ${count(node.retained_objects)} objects; ` +
        `${bytes(node.bytes)} in ${count(node.objects)} objects of its own`);
    }
    function cell(at, left, width, row, above) {
      const node = tree[at];
      const wanted = search.value.toLowerCase();
      const dim = wanted !== '' && !node.name.toLowerCase().includes(wanted);
      const text = `${node.name} ${share(node.retained_bytes, reachable)}`;
      const button = make('button', { type: 'button', class: dim ? 'dim' : above ? 'above' : '', 'aria-label': `${text}, ${bytes(node.retained_bytes)}`,
        onclick: () => { focus = at; draw(); } }, width > 0.03 ? text : '');
      button.style.cssText = `left:${100 * left}%;width:calc(${100 * width}% - 1px);top:${row * kRow}px;background:${colour(node)}`;
      button.addEventListener('mouseenter', () => describe(at));
      button.addEventListener('focus', () => describe(at));
      box.append(button);
    }
    function draw() {
      box.replaceChildren();
      const path = focus === 0 ? [0] : [0, ...pathOf(focus)];
      path.slice(0, -1).forEach((at, row) => cell(at, 0, 1, row, true));
      const whole = tree[focus].retained_bytes || 1;
      let rows = path.length;
      const work = [[focus, 0, path.length - 1]];
      while (work.length > 0) {
        const [at, left, row] = work.pop();
        cell(at, left, tree[at].retained_bytes / whole, row, false);
        rows = Math.max(rows, row + 1);
        let x = left;
        for (const child of children[at]) {
          const width = tree[child].retained_bytes / whole;
          if (width >= kMinWidth) work.push([child, x, row + 1]);
          x += width;
        }
      }
      box.style.height = `${rows * kRow}px`;
      crumbs.replaceChildren(...path.map((at, i) => make('button', { type: 'button', onclick: () => { focus = at; draw(); } },
        (i > 0 ? '\u2192 ' : '') + tree[at].name)));
      describe(focus);
    }
    search.oninput = draw;
    draw();
    section('Who keeps what', search, crumbs, box, note);
  }

  function drawExplorer() {
    if (tree.length < 2) return;
    const body = make('tbody', {});
    function row(at, depth) {
      const node = tree[at];
      const twist = make('button', { type: 'button', class: 'twist', 'aria-expanded': 'false', 'aria-label': `Open ${node.name}` }, '\u203a');
      if (children[at].length === 0) twist.style.visibility = 'hidden';
      const bar = make('span', {});
      bar.style.width = `${reachable ? 100 * node.retained_bytes / reachable : 0}%`;
      const name = make('td', {}, twist, make('span', { class: 'code' }, node.name),
        node.kind !== 'type' && node.kind !== 'others' ? make('span', { class: 'quiet' }, ` ${node.kind}`) : null);
      name.style.paddingLeft = `${Math.min(depth, 12) * 18}px`;
      const line = make('tr', {}, name, make('td', { class: 'figure' }, make('span', { class: 'share-bar' }, bar), make('span', { class: 'share-text' }, share(node.retained_bytes, reachable))),
        make('td', { class: 'figure' }, bytes(node.retained_bytes)), make('td', { class: 'figure' }, count(node.retained_objects)),
        make('td', { class: 'figure' }, bytes(node.bytes)), make('td', { class: 'figure' }, count(node.objects)));
      let opened = [];
      const close = () => { opened.forEach((entry) => { entry.close(); entry.line.remove(); }); opened = []; twist.setAttribute('aria-expanded', 'false'); twist.textContent = '\u203a'; };
      const open = () => {
        let after = line;
        for (const child of children[at].slice(0, 200)) {
          const entry = row(child, depth + 1);
          after.after(entry.line);
          after = entry.line;
          opened.push(entry);
        }
        twist.setAttribute('aria-expanded', 'true');
        twist.textContent = '\u2304';
      };
      twist.onclick = () => (opened.length > 0 ? close() : open());
      return { line, close, open };
    }
    const heap = row(0, 0);
    body.append(heap.line);
    heap.open();
    const heads = ['owner', 'share', 'keeps', 'objects kept', 'own bytes', 'own objects'];
    section('Explore the paths', 'each row is kept alive by the row above it', make('div', { class: 'table-box' }, make('table', { class: 'tree' },
      make('thead', {}, make('tr', {}, ...heads.map((head, i) => make('th', { class: i ? 'figure' : '', scope: 'col' }, head)))), body)));
  }

  // ---------------------------------------------------------------- tables
  // columns: [title, value of a row, shown text or element, is a figure]
  function table(title, rows, columns, sortBy, placeholder, kept) {
    if (rows.length === 0) return;
    let sorted = sortBy, falling = true, shown = 25;
    const filter = make('input', { type: 'search', placeholder, 'aria-label': placeholder });
    const head = make('tr', {}), body = make('tbody', {}), more = make('button', { type: 'button', class: 'more' });
    columns.forEach(([name, , , figure], i) => head.append(make('th', { class: figure ? 'figure' : '', scope: 'col' },
      make('button', { type: 'button', onclick: () => { falling = sorted === i ? !falling : figure; sorted = i; draw(); } }, name))));
    function draw() {
      const wanted = filter.value.toLowerCase();
      const value = columns[sorted][1];
      const fitting = rows.filter((row) => wanted === '' || columns.some(([, of, , figure]) => !figure && of(row).toLowerCase().includes(wanted)));
      fitting.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (falling ? -1 : 1));
      [...head.children].forEach((cell, i) => cell.setAttribute('aria-sort', i !== sorted ? 'none' : falling ? 'descending' : 'ascending'));
      body.replaceChildren(...fitting.slice(0, shown).map((row) => make('tr', {},
        ...columns.map(([, , text, figure]) => make('td', { class: figure ? 'figure' : 'code' }, text(row))))));
      more.textContent = `Show ${Math.min(100, fitting.length - shown)} more of ${count(fitting.length)}`;
      more.hidden = fitting.length <= shown;
    }
    more.onclick = () => { shown += 100; draw(); };
    filter.oninput = draw;
    draw();
    section(title, filter, make('div', { class: 'table-box' }, make('table', {}, make('thead', {}, head), body)), more,
      kept ? make('p', { class: 'quiet more' }, kept) : null);
  }

  function drawGrowth() {
    const growth = report.growth;
    if (!growth) return;
    table('What grew, by path', growth.paths, [
      ['bytes', (row) => row.bytes, (row) => change(row.bytes, bytes), true], ['objects', (row) => row.objects, (row) => change(row.objects, signedCount), true],
      ['now', (row) => row.bytes_after, (row) => bytes(row.bytes_after), true],
      ['held by', (row) => chainText(row.chain), (row) => make('span', {}, row.suspect ? make('span', { class: 'badge' }, 'suspect') : '', chainText(row.chain)), false],
    ], 0, 'Filter paths');
    table('What grew, by type', growth.types, [
      ['bytes', (row) => row.bytes, (row) => change(row.bytes, bytes), true], ['retained', (row) => row.retained_bytes, (row) => change(row.retained_bytes, bytes), true],
      ['objects', (row) => row.objects, (row) => change(row.objects, signedCount), true], ['type', (row) => row.name, (row) => row.name, false],
    ], 0, 'Filter types');
    if (!growth.since) return;
    const all = growth.since;
    const amount = (of) => `${count(of.objects)} objects, ${bytes(of.bytes)}`;
    table('What came since and is still there, by class', all.classes.filter((row) => row.allocated.objects > 0), [
      ['bytes', (row) => row.allocated.bytes, (row) => bytes(row.allocated.bytes), true], ['objects', (row) => row.allocated.objects, (row) => count(row.allocated.objects), true],
      ['freed', (row) => row.freed.objects, (row) => count(row.freed.objects), true], ['class', (row) => row.name, (row) => row.name, false],
    ], 0, 'Filter classes', `In all ${amount(all.allocated)} came, ${amount(all.freed)} went, ${amount(all.kept)} stayed.`);
    if (all.held.length === 0) return;
    table('What came since, by the way it is held', all.held, [
      ['retained', (row) => row.retained_bytes, (row) => bytes(row.retained_bytes), true], ['objects', (row) => row.objects, (row) => count(row.objects), true],
      ['one path from a root', (row) => chainText(row.path), (row) => chainText(row.path), false],
    ], 0, 'Filter paths', `In all ${count(all.held_in_all.objects)} objects, which retain ${bytes(all.held_in_all.retained_bytes)}.`);
  }

  function drawSpans() {
    for (const held of report.spans) {
      const traces = held.traces.map((trace) => make('tr', {}, make('td', { class: 'code' }, trace.trace_id), make('td', { class: 'code' }, trace.span_id),
        make('td', {}, trace.name), make('td', {}, trace.start || '\u2013'), make('td', {}, trace.end || 'not ended')));
      section(`Spans held: ${count(held.spans)}, ${count(held.ended)} of them ended`, chainText(held.chain),
        held.names.length > 0 ? make('p', { class: 'quiet' }, held.names.map((name) => `${name.name} ${count(name.count)}`).join(' \u00b7 ')) : null,
        make('div', { class: 'table-box' }, make('table', {}, make('thead', {}, make('tr', {}, ...['trace', 'span', 'name', 'start', 'end'].map((head) => make('th', { scope: 'col' }, head)))),
          make('tbody', {}, ...traces))));
    }
  }

  function drawNotes() {
    const lines = [...report.notes, ...report.losses.map((loss) => `${count(loss.count)} ${loss.name}`)];
    if (report.tree_cut_objects > 0) lines.push(`${count(report.tree_cut_objects)} objects lie deeper than the tree of owners goes; they are counted higher up`);
    const facts = Object.entries(report.dump.facts).map(([key, value]) => make('tr', {}, make('td', {}, key), make('td', { class: 'code' }, value)));
    if (lines.length + facts.length === 0) return;
    section('About this dump', '', make('ul', {}, ...lines.map((line) => make('li', {}, line))),
      make('div', { class: 'table-box' }, make('table', {}, make('tbody', {}, ...facts))));
  }

  function themeButton() {
    const button = document.getElementById('theme');
    button.onclick = () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
      root.dataset.theme = dark ? 'light' : 'dark';
    };
  }

  themeButton();
  drawFinding();
  drawSuspects();
  drawGrowth();
  drawFlame();
  drawSpans();
  drawExplorer();
  table('Types', report.types, [
    ['retained', (row) => row.retained_bytes, (row) => bytes(row.retained_bytes), true], ['own bytes', (row) => row.bytes, (row) => bytes(row.bytes), true],
    ['objects', (row) => row.objects, (row) => count(row.objects), true], ['type', (row) => row.name, (row) => row.name, false],
  ], 0, 'Filter types', report.type_count > report.types.length ? `The ${count(report.types.length)} types that keep most, of ${count(report.type_count)}.` : '');
  table('Largest owners', report.owners, [
    ['retained', (row) => row.retained_bytes, (row) => bytes(row.retained_bytes), true], ['objects', (row) => row.retained_objects, (row) => count(row.retained_objects), true],
    ['owner', (row) => row.name, (row) => row.name, false],
  ], 0, 'Filter owners');
  drawNotes();
})();
