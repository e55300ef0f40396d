// The flame graph's figures as a table, by function.
import { useMemo } from 'preact/hooks';
import { inUnit, signedInUnit } from '../format';
import { place, shortFile, shortFunction } from './names';
import { topFunctions } from './search';
import type { FlameTree } from './tree';

const kRows = 50;
const kMaxFunctions = 100_000;

export function TopTable({ tree, query }: { tree: FlameTree; query: string }) {
  const all = useMemo(() => topFunctions(tree, kMaxFunctions), [tree]);
  const found = query === '' ? all : all.filter((row) =>
    row.function.toLowerCase().includes(query) || row.file.toLowerCase().includes(query));
  const rows = found.slice(0, kRows);
  return (
    <div class="table-box">
      <table class="data">
        <caption class="hidden">Functions by {tree.isDiff ? 'growth' : 'use'}</caption>
        <thead>
          <tr>
            <th scope="col">Function</th>
            {tree.isDiff && <th scope="col" class="figure">Own growth</th>}
            {tree.isDiff && <th scope="col" class="figure">Growth with callees</th>}
            <th scope="col" class="figure">Own</th>
            <th scope="col" class="figure">With callees</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.function}>
              <th scope="row">
                <span class="code" title={row.function}>{shortFunction(row.function)}</span>
                {row.file !== '' && <span class="where" title={place(row.file, row.line)}>{place(shortFile(row.file), row.line)}</span>}
              </th>
              {tree.isDiff && <td class={`figure ${row.selfDelta > 0 ? 'grows' : row.selfDelta < 0 ? 'shrinks' : ''}`}>{signedInUnit(row.selfDelta, tree.unit)}</td>}
              {tree.isDiff && <td class="figure">{signedInUnit(row.delta, tree.unit)}</td>}
              <td class="figure">{inUnit(row.self, tree.unit)}</td>
              <td class="figure">{inUnit(row.value, tree.unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length > rows.length && <p class="quiet">The first {rows.length} of {found.length} functions.</p>}
      {found.length === 0 && <p class="quiet">No function matches.</p>}
    </div>
  );
}
