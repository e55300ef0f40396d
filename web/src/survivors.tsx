// What outlived its request: live bytes whose span ended over a minute ago, by route.
import { apiUrl } from './api';
import { bytes, count, perHour } from './format';
import { kRefreshMs, usePoll } from './hooks';
import { readSurvivors, type Survivor } from './survivors_model';
import { CopyButton, Section, When } from './ui';

const kMaxRows = 20;

// Nothing where no route has any.
export function Survivors({ service }: { service: string }) {
  const { data } = usePoll(apiUrl('survivors', { service }), readSurvivors, kRefreshMs);
  if (!data || data.length === 0) return null;
  return (
    <Section id="survivors" title="Outlived its request" note="live now, span ended over a minute ago">
      <div class="table-box">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Route</th>
              <th scope="col" class="figure">Bytes</th>
              <th scope="col" class="figure">Objects</th>
              <th scope="col" class="figure">Growth</th>
              <th scope="col">Oldest span ended</th>
              <th scope="col">Heaviest trace</th>
            </tr>
          </thead>
          <tbody>{data.slice(0, kMaxRows).map((each) => <Row key={`${each.version}/${each.route}`} survivor={each} />)}</tbody>
        </table>
      </div>
    </Section>
  );
}

function Row({ survivor }: { survivor: Survivor }) {
  const heaviest = survivor.traces[0];
  return (
    <tr>
      <th scope="row" class="code">
        {survivor.route} <span class="quiet">{survivor.version}</span> {survivor.isSuspect && <span class="badge grows">suspect</span>}
      </th>
      <td class="figure">{bytes(survivor.bytes)}</td>
      <td class="figure">{count(survivor.objects)}</td>
      <td class="figure">{survivor.growthBytesPerHour > 0 ? perHour(survivor.growthBytesPerHour) : '\u2013'}</td>
      <td><When time={survivor.oldestEnd} /></td>
      <td class="id">{heaviest ? <><code>{heaviest.traceId}</code><CopyButton text={heaviest.traceId} what="trace id" /></> : '\u2013'}</td>
    </tr>
  );
}
