// Targets and incidents gathered by service.
import type { Incident, Target } from './model';

export interface Service {
  name: string;
  namespace: string;
  versions: string[]; // the newest seen first
  instances: number;
  lastSeen: number | null;
  open: Incident[];
}

export function servicesOf(targets: readonly Target[], incidents: readonly Incident[]): Service[] {
  const byName = new Map<string, Target[]>();
  for (const target of targets) {
    const group = byName.get(target.service);
    if (group) group.push(target);
    else byName.set(target.service, [target]);
  }
  const services = [...byName].map(([name, group]) => {
    const recent = [...group].sort((a, b) => (b.lastSeen ?? 0) - (a.lastSeen ?? 0));
    return {
      name,
      namespace: recent[0]!.namespace,
      versions: [...new Set(recent.map((target) => target.version).filter((version) => version !== ''))],
      instances: group.length,
      lastSeen: recent[0]!.lastSeen,
      open: incidents.filter((each) => each.service === name && isOpen(each)),
    };
  });
  return services.sort((a, b) => b.open.length - a.open.length || a.name.localeCompare(b.name));
}

export function isOpen(incident: Incident): boolean {
  return incident.state !== 'resolved';
}

// Open first; of those what grows most; resolved ones by time.
export function sortIncidents(incidents: readonly Incident[]): Incident[] {
  return [...incidents].sort((a, b) => {
    if (isOpen(a) !== isOpen(b)) return isOpen(a) ? -1 : 1;
    if (isOpen(a)) return b.totalGrowthBytesPerHour.value - a.totalGrowthBytesPerHour.value;
    return (b.resolved ?? b.updated ?? 0) - (a.resolved ?? a.updated ?? 0);
  });
}

// "1.4.2", or "1.4.2 and 2 more".
export function versionText(versions: readonly string[]): string {
  if (versions.length === 0) return '';
  return versions.length === 1 ? versions[0]! : `${versions[0]} and ${versions.length - 1} more`;
}
