// Follows the daemon: what it tells becomes cards. It asks for nothing but /events, and changes nothing.
import { Card, element, tag } from './card.js';
import { kMeanings, sign } from './draw.js';
import { duration, moment, plural, rank, signs } from './words.js';

const find = (id) => document.getElementById(id);
const kShown = 100;           // so many cards at first
const kSilence = 25000;       // ms; the daemon says something each 10 s
const kTryAgain = 3000;       // ms
const kRecent = 32;
const kTransitions = 16;
const kSpokenOneByOne = 3;

const services = new Map();   // by name, in the daemon's order
const cards = new Map();
const seen = new Map();       // by prefix: the routers that announced it while this page was open
let told = null;              // host, instances, and how many services there are
let skew = 0;                 // ms by which this clock is ahead of the daemon's
let limit = kShown;
let reorder = true;
let drawn = false;
const dirty = new Set();
const news = [];

const now = () => Date.now() - skew;
const world = {
  now,
  host: () => told?.host ?? 'this node',
  gone(what, announcers) {
    const there = new Set(announcers.map((one) => one.router));
    return [...(seen.get(what) ?? [])].filter((router) => !there.has(router)).slice(-4);
  },
};
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.target.card.see(entry.isIntersecting);
}, { rootMargin: '300px' });

// ---- what is told

// A change brings only what is new of the history.
function joined(old, added, most) {
  if (!added) return old;
  const last = old?.length ? old.at(-1).at : '';
  return [...(old ?? []), ...added.filter((each) => each.at > last)].slice(-most);
}

function note(service, before) {
  for (const each of service.advertise) {
    for (const one of each.announcers ?? []) {
      if (one.here) continue;
      if (!seen.has(each.what)) seen.set(each.what, new Set());
      seen.get(each.what).add(one.router);
    }
  }
  if (!before) return;
  const words = (one) => signs(one).filter(([kind]) => kind !== 'failing').map(([, word]) => word).join(', ');
  if (words(before) !== words(service)) news.push([service.name, words(service), service.reason]);
  if (rank(before) !== rank(service)) reorder = true;
}

function takeService(service) {
  const before = services.get(service.name);
  if (before) {
    service.recent = joined(before.recent, service.recent, kRecent);
    service.transitions = joined(before.transitions, service.transitions, kTransitions);
  } else {
    reorder = true;
  }
  services.set(service.name, service);
  note(service, before);
  dirty.add(service.name);
}

function forget(name) {
  const card = cards.get(name);
  if (card) watcher.unobserve(card.node);
  card?.node.remove();
  cards.delete(name);
  services.delete(name);
  dirty.delete(name);
  reorder = true;
}

function takeAll(all) {
  told = { host: all.host, instances: all.instances, count: all.names.length };
  const before = new Map(services);
  const now = new Map(all.services.map((service) => [service.name, service]));
  const there = new Set(all.names);
  for (const name of before.keys()) if (!there.has(name)) forget(name);
  services.clear();
  // Of many, it begins with some; the others are as they were known until they follow.
  for (const name of all.names) {
    const service = now.get(name) ?? before.get(name);
    if (!service) continue;
    services.set(name, service);
    dirty.add(name);
    if (now.has(name)) note(service, before.get(name));
  }
  reorder = true;
}

function take(kind, event) {
  const said = JSON.parse(event.data);
  skew = Date.now() - Date.parse(said.now);
  heard();
  if (kind === 'all') takeAll(said);
  if (kind === 'change') {
    told.instances = said.instances;
    said.gone.forEach(forget);
    said.services.forEach(takeService);
    told.count = Math.max(services.size, told.count - said.gone.length);
  }
  if (kind !== 'alive') ask();
}

// ---- the connection

let source = null;
let lastHeard = null;         // by this clock
let since = null;             // not connected since
let again = 0;

function heard() {
  lastHeard = Date.now();
  if (since === null && document.body.dataset.live === 'yes') return;
  since = null;
  document.body.dataset.live = 'yes';
  find('connection').replaceChildren(sign('up'), 'live');
  find('stale').hidden = true;
  find('stale').textContent = '';
}

function lost() {
  if (since !== null) return;
  since = lastHeard ?? Date.now();
  document.body.dataset.live = 'no';
  find('connection').replaceChildren(sign('down'), 'not connected');
  find('stale').hidden = false;
  find('stale').textContent = `Not connected since ${moment(since, Date.now())}. ` +
    (told ? 'What stands here was so then. ' : '') + 'Trying again.';
}

function connect() {
  source?.close();
  source = new EventSource('/events');
  for (const kind of ['all', 'change', 'alive']) source.addEventListener(kind, (event) => take(kind, event));
  source.addEventListener('error', () => {
    lost();
    // A refusal ends it; what breaks off the browser mends by itself.
    if (source.readyState === EventSource.CLOSED && !again) {
      again = setTimeout(() => {
        again = 0;
        connect();
      }, kTryAgain);
    }
  });
}

// ---- what is shown

function ask() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    show();
  });
}

function show() {
  if (!told) return;
  showHeader();
  if (reorder || find('filter').value) showList();
  for (const name of dirty) cards.get(name)?.take(services.get(name));
  dirty.clear();
  showSummary();
  speak();
}

function showHeader() {
  find('host').textContent = told.host;
  find('daemons').replaceChildren(...told.instances.map((one) => {
    const words = one.version
      ? `version ${one.version}, pid ${one.pid}, running for ${duration(one.uptime_s * 1000)}` : one.state;
    return element('li', '', element('strong', '', one.name), ` ${words}`);
  }));
  const whose = new Map();
  for (const one of told.instances)
    for (const text of one.problems) whose.set(text, [...(whose.get(text) ?? []), one.name]);
  const problems = [...whose].map(([text, names]) =>
    names.length === told.instances.length || text.startsWith(names[0]) ? text : `${names.join(', ')}: ${text}`);
  const box = find('problems');
  box.hidden = !problems.length;
  if (box.dataset.shown === JSON.stringify(problems)) return;
  box.dataset.shown = JSON.stringify(problems);
  box.querySelector('ul').replaceChildren(...problems.map((text) => element('li', '', sign('last'), element('span', '', text))));
}

function showSummary() {
  const counts = new Map();
  for (const service of services.values()) {
    for (const [kind, word] of signs(service)) {
      const one = counts.get(kind) ?? [word, 0];
      one[1] += 1;
      counts.set(kind, one);
    }
  }
  const order = Object.keys(kMeanings).sort((a, b) => (a === 'up') - (b === 'up'));
  const shown = order.filter((kind) => counts.has(kind)).map((kind) => [kind, `${counts.get(kind)[1]} ${counts.get(kind)[0]}`]);
  const missing = told.count - services.size;
  const text = JSON.stringify([shown, missing]);
  if (find('summary').dataset.shown === text) return;
  find('summary').dataset.shown = text;
  find('summary').replaceChildren(...shown.map(tag), ...(missing > 0 ? [element('span', 'note', `${missing} more to come`)] : []));
  const down = counts.get('down')?.[1];
  document.title = `${down ? `(${down} down) ` : ''}${told.host} – anyprobe`;
}

const haystack = (service) =>
  [service.name, ...signs(service).map(([, word]) => word), service.reason, service.detail,
   ...service.advertise.map((each) => each.what)].join('\n').toLowerCase();

function matching() {
  const terms = find('filter').value.toLowerCase().split(/\s+/).filter((term) => term);
  const keys = [...services.keys()].filter((key) => {
    if (!terms.length) return true;
    const text = haystack(services.get(key));
    return terms.every((term) => text.includes(term));
  });
  const ranks = new Map(keys.map((key) => [key, rank(services.get(key))]));
  return keys.sort((a, b) => ranks.get(a) - ranks.get(b));
}

function cardOf(key) {
  if (!cards.has(key)) {
    const card = new Card(world);
    cards.set(key, card);
    card.take(services.get(key));
    watcher.observe(card.node);
    if (services.size <= 2) card.toggle(true);
  }
  return cards.get(key);
}

function showList() {
  reorder = false;
  const keys = matching();
  const list = find('services');
  const focused = document.activeElement;
  let at = list.firstChild;
  for (const key of keys.slice(0, limit)) {
    const { node } = cardOf(key);
    if (node === at) at = at.nextSibling;
    else list.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  // What moves loses the focus.
  if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
  const left = keys.length - Math.min(limit, keys.length);
  find('rest').hidden = left === 0;
  find('rest').firstChild.textContent = `Show all (${left} more)`;
  find('nothing').hidden = keys.length > 0;
  find('nothing').textContent = services.size ? 'No service is like that.' : 'There is no service.';
}

// A reader of the screen hears what changed, and of a crowd only how many.
function speak() {
  if (!news.length) return;
  const all = news.splice(0);
  find('spoken').textContent = all.length <= kSpokenOneByOne
    ? all.map(([name, words, reason]) => `${name} is ${words}${reason ? `: ${reason}` : ''}`).join('. ')
    : `${plural(all.length, 'service')} changed: ${all.slice(0, kSpokenOneByOne).map(([name, words]) => `${name} ${words}`).join(', ')} and others`;
}

// ---- keys

function step(by) {
  const heads = [...find('services').querySelectorAll('.head')];
  if (!heads.length) return;
  const here = heads.indexOf(document.activeElement?.closest('.service')?.querySelector('.head'));
  const next = heads[here < 0 ? 0 : Math.min(heads.length - 1, Math.max(0, here + by))];
  next.focus();
  next.closest('.service').scrollIntoView({ block: 'nearest' });
}

function help() {
  const dialog = find('help');
  if (dialog.open) return;
  find('signs').replaceChildren(...Object.entries(kMeanings).map(([kind, words]) => tag([kind, words])).map((one) => element('li', '', one)));
  dialog.showModal();
}

document.addEventListener('keydown', (event) => {
  const typing = event.target === find('filter');
  if (event.ctrlKey || event.altKey || event.metaKey || find('help').open) return;
  if (typing && event.key === 'Escape') {
    find('filter').value = '';
    showList();
  }
  const within = find('services').contains(document.activeElement);
  const actions = {
    '/': () => find('filter').select(),
    '?': help,
    j: () => step(1),
    k: () => step(-1),
    ...(within ? { ArrowDown: () => step(1), ArrowUp: () => step(-1) } : {}),
  };
  const inFilter = { ArrowDown: () => step(0), Enter: () => step(0) };
  const action = (typing ? inFilter : actions)[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

find('filter').addEventListener('input', showList);
find('keys').addEventListener('click', help);
find('rest').firstChild.addEventListener('click', () => {
  limit = Infinity;
  const first = find('services').children.length;
  showList();
  find('services').children[first]?.querySelector('.head').focus();
});
addEventListener('resize', () => {
  for (const card of cards.values()) if (card.visible) card.draw();
});
setInterval(() => {
  if (lastHeard !== null && Date.now() - lastHeard > kSilence) {
    lost();
    if (source.readyState === EventSource.OPEN) connect();
  }
  if (document.hidden || since !== null || !told) return;
  for (const one of told.instances) if (one.version) one.uptime_s += 1;
  showHeader();
  for (const card of cards.values()) if (card.visible && card.node.isConnected) card.tick();
}, 1000);
find('connection').replaceChildren(sign('unknown'), 'connecting');
connect();
