// What states and times are called. Pure: no document.

const kSpans = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

// "3 h 2 min"; two units at most.
export function duration(ms) {
  let left = Math.max(0, Math.floor(ms / 1000));
  const out = [];
  for (const [seconds, unit] of kSpans) {
    const count = Math.floor(left / seconds);
    if (!count && (!out.length || unit === 's') && !(unit === 's' && !out.length)) continue;
    if (count || unit === 's') out.push(`${count} ${unit}`);
    left -= count * seconds;
    if (out.length === 2) break;
  }
  return out.join(' ');
}

export function latency(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

const two = (n) => String(n).padStart(2, '0');

// In the reader's own time: the hour of today, with the date where it is another day.
export function moment(ms, now) {
  const at = new Date(ms);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === new Date(now).toDateString()) return clock;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const isLast = (service) => service.advertise.some((each) => each.last_instance);
const isForeign = (service) => service.advertise.some((each) => each.state === 'foreign');

// What an administrator would say of a service: [sign, word] each, the worst first.
export function signs(service) {
  const out = [[service.health, service.health]];
  if (isLast(service)) out.push(['last', 'last instance']);
  if (isForeign(service)) out.push(['foreign', 'foreign address']);
  if (service.admin !== 'active') out.push([service.admin, service.admin]);
  if (service.health === 'up' && failing(service)) out.push(['failing', 'answers badly']);
  if (unconfirmed(service)) out.push(['unconfirmed', 'not confirmed']);
  return out;
}

const failing = (service) => service.last_check && service.last_check.verdict === 'fail';
const unconfirmed = (service) =>
  service.advertise.some((each) => each.confirmed === false && each.state === 'announced' && !each.waiting);

// Those that are not well come first.
export function rank(service) {
  if (isLast(service)) return 0;
  if (service.health === 'down') return 1;
  if (isForeign(service)) return 2;
  if (service.health === 'unknown') return 3;
  return service.admin === 'active' ? 5 : 4;
}

export const why = (service) =>
  [service.reason, service.detail].filter((text) => text).join(': ') || 'no answer has decided yet';

// One node of the picture: [sign, words].
export function ownPart(service, each) {
  if (each.last_instance) return ['last', 'the last: stays'];
  if (each.state === 'foreign') return ['foreign', 'not ours'];
  if (each.state === 'lingering') return [service.admin === 'active' ? 'draining' : service.admin, 'lingers'];
  if (each.state === 'announced') return each.confirmed === false ? ['unconfirmed', 'not in the database'] : ['up', 'announces'];
  if (service.admin !== 'active') return [service.admin, service.admin];
  return [service.health === 'up' ? 'unknown' : service.health, `${service.health}: withdrawn`];
}

// One line: what became of it in the routing.
export function routing(each) {
  const parts = [];
  if (each.confirmed === true)
    parts.push(each.state === 'announced' ? 'confirmed by the link-state database' : 'confirmed gone from the link-state database');
  else if (each.confirmed === false)
    parts.push('the link-state database does not show it so');
  else
    parts.push('what FRR makes of it cannot be told');
  if (each.others === 0) parts.push('nobody else announces it');
  else if (each.others !== null) parts.push(`${plural(each.others, 'other')} ${each.others === 1 ? 'announces' : 'announce'} it`);
  return parts.join('; ');
}

export const answer = (check, now) =>
  `${moment(Date.parse(check.at), now)} ${check.verdict === 'local_error' ? 'could not ask' : check.verdict}, ` +
  `${check.reason}, ${latency(check.duration_ms)}`;
