// What the address after # means. One page, so the server needs to know no path of it.
//   #/?state=open|resolved|all&service=S   inbox       #/incidents/ID   incident       #/services/S   service

export type StateFilter = 'open' | 'resolved' | 'all';

export type Route =
  | { page: 'inbox'; state: StateFilter; service: string }
  | { page: 'incident'; id: string }
  | { page: 'service'; service: string };

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const parts = path.split('/').filter((part) => part !== '');
  const [page, name] = [parts[0], decode(parts[1] ?? '')];
  if (page === 'incidents' && name !== '') return { page: 'incident', id: name };
  if (page === 'services' && name !== '') return { page: 'service', service: name };
  const options = new URLSearchParams(query);
  const state = options.get('state');
  return {
    page: 'inbox',
    state: state === 'resolved' || state === 'all' ? state : 'open',
    service: options.get('service') ?? '',
  };
}

export function formatRoute(route: Route): string {
  if (route.page === 'incident') return `#/incidents/${encodeURIComponent(route.id)}`;
  if (route.page === 'service') return `#/services/${encodeURIComponent(route.service)}`;
  const options = new URLSearchParams();
  if (route.state !== 'open') options.set('state', route.state);
  if (route.service !== '') options.set('service', route.service);
  const query = options.toString();
  return query === '' ? '#/' : `#/?${query}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % typed by hand
  }
}
