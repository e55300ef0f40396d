// The inbox: incidents, the filters kept in the address, and all services, so that clean ones are seen as well.
import { useMemo } from 'preact/hooks';
import { apiUrl } from './api';
import { Connect } from './connect';
import { Choice } from './flame/flame_graph';
import { place, shortFile, shortFunction } from './flame/names';
import { dollars, duration, interval, percent, perHour } from './format';
import { kRefreshMs, useNow, usePoll } from './hooks';
import { readIncidents, readTargets, type Incident } from './model';
import { formatRoute, type Route, type StateFilter } from './route';
import { isOpen, servicesOf, sortIncidents, versionText, type Service } from './services';
import { Sparkline } from './sparkline';
import { ErrorNote, Waiting, When } from './ui';

type InboxRoute = Extract<Route, { page: 'inbox' }>;

const kMaxRows = 200;

export function Inbox({ route }: { route: InboxRoute }) {
  const incidents = usePoll(apiUrl('incidents'), readIncidents, kRefreshMs);
  const targets = usePoll(apiUrl('targets'), readTargets, kRefreshMs);
  const services = useMemo(() => servicesOf(targets.data ?? [], incidents.data ?? []), [targets.data, incidents.data]);
  const shown = useMemo(() => filter(incidents.data ?? [], route), [incidents.data, route.state, route.service]);
  document.title = titleOf(incidents.data ?? []);

  const error = incidents.error ?? targets.error;
  if (!incidents.data || !targets.data) return error ? <ErrorNote error={error} /> : <Waiting what="incidents" />;
  if (incidents.data.length === 0 && services.length === 0) return <Welcome />;
  return (
    <>
      <section class="section" aria-labelledby="incidents">
        <div class="section-head">
          <h1 id="incidents">Incidents</h1>
          <Filters route={route} incidents={incidents.data} services={services} />
        </div>
        {shown.length > 0 ? <IncidentList incidents={shown} /> : <NoIncident route={route} services={services} />}
      </section>
      <ServiceList services={services} />
      <details class="connect-more">
        <summary>Connect another service</summary>
        <Connect />
      </details>
    </>
  );
}

function filter(incidents: readonly Incident[], route: InboxRoute): Incident[] {
  const kept = incidents.filter((each) =>
    (route.service === '' || each.service === route.service) &&
    (route.state === 'all' || isOpen(each) === (route.state === 'open')));
  return sortIncidents(kept);
}

function titleOf(incidents: readonly Incident[]): string {
  const open = incidents.filter(isOpen).length;
  return open > 0 ? `(${open}) Tidemark` : 'Tidemark';
}

function Filters({ route, incidents, services }: { route: InboxRoute; incidents: readonly Incident[]; services: readonly Service[] }) {
  const go = (change: Partial<InboxRoute>) => { location.hash = formatRoute({ ...route, ...change }); };
  const open = incidents.filter(isOpen).length;
  const states: [StateFilter, string][] = [
    ['open', `Open ${open}`], ['resolved', `Resolved ${incidents.length - open}`], ['all', 'All'],
  ];
  const names = [...new Set([...services.map((each) => each.name), ...incidents.map((each) => each.service)])].filter((name) => name !== '').sort();
  return (
    <div class="filters">
      <Choice label="State" value={route.state} options={states} onChoose={(state) => go({ state })} />
      <label class="select">
        <span class="hidden">Service</span>
        <select value={route.service} onChange={(event) => go({ service: event.currentTarget.value })}>
          <option value="">All services</option>
          {names.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
    </div>
  );
}

function IncidentList({ incidents }: { incidents: readonly Incident[] }) {
  const now = useNow();
  return (
    <>
      <div class="incident-columns" aria-hidden="true">
        <span>Service</span><span>Cause</span><span>Last hour</span><span>Growth per instance</span><span>To limit</span><span>Cost a month</span><span>Confidence</span>
      </div>
      <ul class="incidents">
        {incidents.slice(0, kMaxRows).map((each) => <IncidentRow key={each.id} incident={each} now={now} />)}
      </ul>
      {incidents.length > kMaxRows && <p class="quiet">The first {kMaxRows} of {incidents.length}; choose a service to see fewer.</p>}
    </>
  );
}

function IncidentRow({ incident, now }: { incident: Incident; now: number }) {
  const { growthBytesPerHour: growth } = incident;
  const stack = incident.stacks[0];
  return (
    <li class={`incident ${isOpen(incident) ? 'open' : 'resolved'}`}>
      <div class="cell cell-service">
        <a href={formatRoute({ page: 'incident', id: incident.id })}>{incident.service}</a>
        <span class="version">{versionText(incident.versions)}</span>
        <span class="quiet">{isOpen(incident) ? <>since <When time={incident.onset} /></> : <>resolved <When time={incident.resolved} /></>}</span>
      </div>
      <div class="cell cell-cause">
        <Label text="Cause" />
        {stack ? (
          <>
            <span class="code" title={stack.cause}>{shortFunction(stack.cause)}</span>
            <span class="where">{place(shortFile(stack.causeFile), stack.causeLine)}</span>
          </>
        ) : <span class="quiet">no stack yet</span>}
      </div>
      <div class="cell cell-spark"><Sparkline service={incident.service} version={incident.versions[0] ?? ''} grows={isOpen(incident)} /></div>
      <div class="cell cell-growth">
        <Label text="Growth per instance" />
        <span class="strong grows">{perHour(growth.value)}</span>
        <span class="quiet">{interval(growth.low, growth.high)}</span>
      </div>
      <div class="cell"><Label text="To limit" />{isOpen(incident) ? timeToLimit(incident.oomEta, now) : '\u2013'}</div>
      <div class="cell"><Label text="Cost a month" />{incident.monthlyCostUsd > 0 ? dollars(incident.monthlyCostUsd) : '\u2013'}</div>
      <div class="cell"><Label text="Confidence" />{percent(incident.confidence)}</div>
    </li>
  );
}

export function timeToLimit(oomEta: number | null, now: number): string {
  if (oomEta === null) return 'no limit';
  return oomEta <= now ? 'reached' : duration(oomEta - now);
}

function Label({ text }: { text: string }) {
  return <span class="cell-label">{text}</span>;
}

function NoIncident({ route, services }: { route: InboxRoute; services: readonly Service[] }) {
  const processes = services.reduce((sum, each) => sum + each.instances, 0);
  const what = route.state === 'all' ? '' : `${route.state} `;
  return (
    <div class="empty">
      <p class="strong">No {what}incident{route.service === '' ? '' : ` of ${route.service}`}.</p>
      <p class="quiet">
        {services.length} {services.length === 1 ? 'service' : 'services'} in {processes} {processes === 1 ? 'process' : 'processes'} watched.
        A leak appears here within a minute of becoming certain.
      </p>
    </div>
  );
}

function ServiceList({ services }: { services: readonly Service[] }) {
  if (services.length === 0) return null;
  return (
    <section class="section" aria-labelledby="services">
      <div class="section-head"><h2 id="services">Services</h2></div>
      <ul class="services">
        {services.map((each) => (
          <li key={each.name} class="service">
            <div class="cell cell-service">
              {each.name === ''
                ? <span class="quiet">without service.name</span>
                : <a href={formatRoute({ page: 'service', service: each.name })}>{each.name}</a>}
              <span class="version">{versionText(each.versions)}</span>
            </div>
            <div class="cell cell-spark">{each.name !== '' && <Sparkline service={each.name} version={each.versions[0] ?? ''} grows={each.open.length > 0} />}</div>
            <div class="cell">
              {each.open.length > 0
                ? <span class="badge grows">{each.open.length === 1 ? 'grows' : `${each.open.length} incidents`}</span>
                : <span class="badge clean">clean</span>}
            </div>
            <div class="cell quiet">{each.instances} {each.instances === 1 ? 'instance' : 'instances'}</div>
            <div class="cell quiet">seen <When time={each.lastSeen} /></div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Welcome() {
  return (
    <section class="welcome" aria-labelledby="welcome">
      <h1 id="welcome">Nothing is connected yet</h1>
      <p>Tidemark watches the memory of running services and opens an incident, with its cause, when one leaks. Connect a service in one of two ways; it shows here by itself.</p>
      <Connect />
    </section>
  );
}
