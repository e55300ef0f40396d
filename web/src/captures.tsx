// Captured profiles to download, and the button that takes another.
import { useEffect, useState } from 'preact/hooks';
import { absoluteUrl, apiUrl, postJson } from './api';
import { readCaptureId, type CaptureRef } from './model';
import { Clock, Command, Section } from './ui';

interface Props {
  captures: readonly CaptureRef[];
  service: string;
  instances: readonly string[]; // the first is captured unless the reader chooses another
}

const kMaxRows = 50;
const kMaxInstances = 500;

export function Captures({ captures, service, instances }: Props) {
  const newest = [...captures].sort((a, b) => (b.time ?? 0) - (a.time ?? 0)).slice(0, kMaxRows);
  return (
    <Section id="captures" title="Captures" note={<CaptureNow service={service} instances={instances} />}>
      {newest.length === 0 && <p class="quiet">No capture yet.</p>}
      {newest.length > 0 && (
        <div class="table-box">
          <table class="data">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Instance</th>
                <th scope="col">Version</th>
                <th scope="col">Role</th>
                <th scope="col">Trigger</th>
                <th scope="col">Profile</th>
              </tr>
            </thead>
            <tbody>
              {newest.map((each) => (
                <tr key={each.id}>
                  <th scope="row"><Clock time={each.time} /></th>
                  <td class="code">{each.instance}</td>
                  <td>{each.version}</td>
                  <td>{each.role || '\u2013'}</td>
                  <td>{each.trigger}</td>
                  <td><a href={profileUrl(each.id)} download={`${each.id}.pb.gz`} title={each.file}>Download</a></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {newest[0] && <Command what="command" text={`go tool pprof -http=: '${absoluteUrl(profileUrl(newest[0].id))}'`} />}
    </Section>
  );
}

function profileUrl(id: string): string {
  return apiUrl(`captures/${encodeURIComponent(id)}/profile`);
}

function CaptureNow({ service, instances }: { service: string; instances: readonly string[] }) {
  const [chosen, setChosen] = useState('');
  const [said, setSaid] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const instance = instances.includes(chosen) ? chosen : (instances[0] ?? '');
  useEffect(() => setSaid(''), [instance]);
  const capture = async () => {
    setIsBusy(true);
    setSaid('Capturing…');
    try {
      const id = readCaptureId(await postJson(apiUrl('captures'), { service, instance }));
      setSaid(id === '' ? 'Asked for.' : `Capture ${id} asked for.`);
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    }
    setIsBusy(false);
  };
  return (
    <>
      <span class="quiet" role="status">{said}</span>
      {instances.length > 1 && (
        <label class="select">
          <span class="hidden">Instance</span>
          <select value={instance} onChange={(event) => setChosen(event.currentTarget.value)}>
            {instances.slice(0, kMaxInstances).map((each) => <option key={each} value={each}>{each}</option>)}
          </select>
        </label>
      )}
      <button type="button" class="primary" disabled={isBusy || service === ''} onClick={capture}>Capture now</button>
    </>
  );
}
