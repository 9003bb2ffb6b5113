// One service on the page. Everything that comes from the daemon is set as text, never as markup.
import { network, sign, slowestOf, strip, summaryOf, timeline } from './draw.js';
import { answer, duration, latency, moment, ownPart, plural, routing, signs, why } from './words.js';

export function element(name, className, ...children) {
  const out = document.createElement(name);
  if (className) out.className = className;
  out.append(...children);
  return out;
}

export const tag = ([kind, word]) => element('span', `tag ${kind}`, sign(kind), element('span', '', word));

function time(text, words) {
  const out = element('time', '', words);
  out.dateTime = text;
  return out;
}

const kPrefixesInRow = 3;

export class Card {
  static count = 0;

  // `world`: now() in milliseconds, host(), and gone(what, announcers): routers that announced it and do no more.
  constructor(world) {
    this.world = world;
    this.shown = {};
    this.visible = false;
    this.late = true;  // there is something to draw once it is visible
    const id = `service-${++Card.count}`;
    this.signs = element('span', 'tags');
    this.name = element('span', 'name');
    this.head = element('button', 'head', this.signs, this.name);
    this.head.type = 'button';
    this.head.setAttribute('aria-expanded', 'false');
    this.head.setAttribute('aria-controls', id);
    this.why = element('p', 'why');
    this.since = element('p', 'since');
    this.strip = element('div', 'strip-box');
    this.prefixes = element('ul', 'prefixes');
    this.prefixes.setAttribute('aria-label', 'Prefixes');
    this.details = element('div', 'details');
    this.details.id = id;
    this.details.hidden = true;
    const title = element('h3', '', this.head);
    this.row = element('div', 'row', title, this.why, this.since, this.strip, this.prefixes);
    this.node = element('li', 'service', this.row, this.details);
    this.node.card = this;
    this.head.addEventListener('click', () => this.toggle());
    this.row.addEventListener('click', (event) => {
      if (!this.head.contains(event.target) && getSelection().isCollapsed) this.toggle();
    });
  }

  toggle(open = this.details.hidden) {
    this.details.hidden = !open;
    this.head.setAttribute('aria-expanded', String(open));
    if (open) this.draw();
  }

  take(service) {
    this.service = service;
    this.part('head', [service.name, signs(service), service.reason, service.detail], () => {
      this.node.className = `service ${service.health}`;
      this.name.textContent = service.name;
      this.signs.replaceChildren(...signs(service).map(tag));
      this.why.textContent = why(service);
      this.why.title = why(service);
    });
    this.late = true;
    if (this.visible) this.draw();
  }

  see(visible) {
    this.visible = visible;
    if (visible && this.late) this.draw();
  }

  // What costs more, while it can be seen.
  draw() {
    const { service } = this;
    this.late = false;
    this.tick();
    const recent = service.recent ?? [];
    this.part('strip', recent, () => this.strip.replaceChildren(strip(recent, this.world.now())));
    this.part('prefixes', service.advertise.map((each) => [each.what, ownPart(service, each)]), () => {
      const { advertise } = service;
      this.prefixes.replaceChildren(...advertise.slice(0, kPrefixesInRow).map((each) => {
        const [kind, words] = ownPart(service, each);
        return element('li', '', sign(kind), element('span', 'what', each.what), element('span', 'spoken', `: ${words}`));
      }));
      if (advertise.length > kPrefixesInRow)
        this.prefixes.append(element('li', 'more', `and ${advertise.length - kPrefixesInRow} more`));
    });
    if (!this.details.hidden) this.drawDetails();
  }

  // Each second: how long it has been so.
  tick() {
    const { service } = this;
    const since = Date.parse(service.since);
    const now = this.world.now();
    const words = `for ${duration(now - since)}`;
    if (this.shown.since !== service.since) {
      this.shown.since = service.since;
      this.howLong = element('span');
      this.since.replaceChildren(this.howLong, ', since ', time(service.since, moment(since, now)));
    }
    if (this.howLong.textContent !== words) this.howLong.textContent = words;
  }

  // Again only if it is another: what stands still can be selected and read.
  part(name, value, render) {
    const text = JSON.stringify(value);
    if (this.shown[name] === text) return;
    this.shown[name] = text;
    render();
  }

  section(name, title, value, render) {
    this.parts ??= {};
    if (!this.parts[name]) {
      this.parts[name] = element('div', 'body');
      this.details.append(element('section', `part ${name}`, element('h4', '', title), this.parts[name]));
    }
    this.part(`detail-${name}`, value, () => this.parts[name].replaceChildren(...render()));
  }

  drawDetails() {
    const { service } = this;
    const now = this.world.now();
    const recent = service.recent ?? [];
    const room = Math.min(this.details.clientWidth || 640, 1000);
    this.section('answers', 'Answers', [recent, service.last_check], () => this.answers(recent, now));
    this.section('changes', 'Changes', [service.transitions, Math.floor(now / 10000)],
                 () => this.changes(service.transitions ?? [], now));
    this.section('routes', 'Prefixes', [service.advertise, service.admin, service.health, service.drain_token],
                 () => this.routes(now));
    this.section('map', 'Network', [service.advertise, service.admin, service.health, this.world.host(), room,
                                    service.advertise.map((each) => this.gone(each))],
                 () => this.maps(room));
  }

  answers(recent, now) {
    const last = this.service.last_check ?? recent.at(-1);
    if (!last) return [element('p', '', 'Nothing was asked yet.')];
    const out = [element('p', '', 'Last: ', answer(last, now))];
    if (recent.length) {
      out.push(strip(recent, now, true));
      const full = slowestOf(recent);
      out.push(element('p', 'note', `${summaryOf(recent)}${full ? `; a full bar is ${latency(full)}` : ''}; the latest at the right.`));
    }
    return out;
  }

  changes(transitions, now) {
    if (!transitions.length) return [element('p', '', 'None since it was started.')];
    const begin = transitions[0].at;
    const ends = element('p', 'ends', time(begin, moment(Date.parse(begin), now)),
                         element('span', '', 'high: up, low: down'), element('span', '', 'now'));
    const list = element('ol', 'transitions');
    [...transitions].reverse().forEach((each, i, all) => {
      const at = Date.parse(each.at);
      const end = i ? Date.parse(all[i - 1].at) : now;
      const held = i ? `for ${duration(end - at)}` : 'until now';
      const reason = [each.reason, each.detail].filter((text) => text).join(': ');
      list.append(element('li', '', time(each.at, moment(at, now)), tag([each.to, each.to]), element('span', 'held', held),
                          element('span', 'because', reason)));
    });
    return [timeline(transitions, now), ends, list];
  }

  routes(now) {
    const { service } = this;
    const list = element('ul', 'routes');
    for (const each of service.advertise) list.append(this.route(each, now));
    if (!service.advertise.length) return [element('p', '', 'It announces nothing: it is only watched.')];
    if (!service.drain_token) return [list];
    return [list, element('p', 'note', `Drain token ${service.drain_token.what}: ${service.drain_token.queue}.`)];
  }

  route(each, now) {
    const [kind] = ownPart(this.service, each);
    const state = element('p', 'state', tag([kind, each.state]));
    if (each.since) state.append(' since ', time(each.since, moment(Date.parse(each.since), now)));
    const out = element('li', '', element('p', 'what', each.what), state, element('p', 'note', `${routing(each)}.`));
    if (each.waiting) {
      const until = each.waiting.until;
      const to = each.waiting.to === 'withdraw' ? 'withdrawn' : 'announced';
      out.append(element('p', 'waits', `Waits to be ${to} until `, time(until, moment(Date.parse(until), now)),
                         ` (${each.waiting.reason}).`));
    }
    if (each.last_instance)
      out.append(element('p', 'warns', sign('last'), 'The service is down, and this is the last instance: it stays announced.'));
    return out;
  }

  gone(each) {
    return each.announcers ? this.world.gone(each.what, each.announcers) : [];
  }

  // One picture for all prefixes that have the same nodes in the same states.
  maps(room) {
    const groups = new Map();
    for (const each of this.service.advertise) {
      const nodes = this.nodes(each);
      const key = JSON.stringify(nodes);
      if (!groups.has(key)) groups.set(key, { nodes, prefixes: [], known: Array.isArray(each.announcers) });
      groups.get(key).prefixes.push(each.what);
    }
    return [...groups.values()].flatMap(({ nodes, prefixes, known }) => {
      const shown = prefixes.slice(0, 4).join(', ') + (prefixes.length > 4 ? ` and ${prefixes.length - 4} more` : '');
      const words = nodes.map((one) => `${one.here ? 'this node ' : ''}${one.name}: ${one.words}`).join('; ');
      const out = [element('p', 'what', shown), network(nodes, room, words)];
      if (!known) out.push(element('p', 'note', 'Who else announces it cannot be told: FRR\'s database is not seen.'));
      return out;
    });
  }

  nodes(each) {
    const [kind, words] = ownPart(this.service, each);
    const announcers = each.announcers ?? [];
    const own = announcers.find((one) => one.here);
    const linked = each.announcers ? Boolean(own) : each.state === 'announced';
    const out = [{ name: own?.router ?? this.world.host(), sign: kind, words, here: true, linked }];
    const others = announcers.filter((one) => !one.here);
    for (const one of others.slice(0, 11)) out.push({ name: one.router, sign: 'up', words: 'announces', linked: true });
    for (const router of this.gone(each)) out.push({ name: router, sign: 'unknown', words: 'announces no more', linked: false });
    if (others.length > 11) out.push({ name: plural(others.length - 11, 'more router'), sign: 'up', words: 'announce', linked: true });
    return out;
  }
}
