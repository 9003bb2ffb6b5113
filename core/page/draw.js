// The pictures. What they say stands in words too: as a title of each part, or as the label of the whole.
import { answer, duration, latency, moment, plural } from './words.js';

const kSpace = 'http://www.w3.org/2000/svg';

export function svg(name, attributes = {}, ...children) {
  const out = document.createElementNS(kSpace, name);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

// A title that is shown and read out.
function titled(node, text) {
  const title = svg('title');
  title.textContent = text;
  node.prepend(title);
  return node;
}

// Each state has a shape of its own, so that it is told without colour.
const kSigns = {
  up: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-1 10L3.8 7.8l1.3-1.3L7 8.4l4-4 1.3 1.3z',
  down: 'M1 1h14v14H1zm3.2 4.5L6.7 8l-2.5 2.5 1.3 1.3L8 9.3l2.5 2.5 1.3-1.3L9.3 8l2.5-2.5-1.3-1.3L8 6.7 5.5 4.2z',
  unknown: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM7 10.2h2V12H7zM5.7 6.6C5.7 5.3 6.7 4.4 8 4.4s2.3.8 2.3 2c0 1.5-1.5 1.7-1.5 3H7.2c0-1.9 1.4-2.1 1.4-2.9 0-.4-.2-.6-.6-.6s-.7.3-.7.7z',
  draining: 'M1 2h14L9.5 9v5l-3 1.5V9z',
  drained: 'M3 2h4v12H3zm6 0h4v12H9z',
  last: 'M8 .8 15.7 15H.3zM7 6v4.5h2V6zm0 5.5v1.8h2v-1.8z',
  foreign: 'M8 0l8 8-8 8-8-8zm0 3L3 8l5 5 5-5z',
  failing: 'M8 .8 15.7 15H.3zM8 5l-4.4 8.4h8.8z',
  unconfirmed: 'M1 7h4v2H1zm5 0h4v2H6zm5 0h4v2h-4z',
};

export const kMeanings = {
  up: 'up', down: 'down', unknown: 'unknown: no answer has decided yet', failing: 'up, and the last answer was bad',
  last: 'last instance: down, and stays announced since no other router announces it',
  draining: 'draining: no longer announced, still answers', drained: 'drained by hand',
  unconfirmed: 'announced, but not in the link-state database', foreign: 'somebody else\'s address, left alone',
};

export const sign = (kind) =>
  svg('svg', { class: `sign ${kind}`, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
      svg('path', { d: kSigns[kind] || kSigns.unknown, 'fill-rule': 'evenodd' }));

const kBar = 8;
const kTall = 32;
const kMost = 32;

// Of the slowest good answer the bar is full; the height grows with the root, or one slow answer hides the rest.
function height(check, slowest) {
  return 3 + (kTall - 3) * Math.sqrt(slowest > 0 ? Math.min(1, check.duration_ms / slowest) : 0);
}

function bar(check, x, slowest) {
  const out = svg('g', { class: `bar-${check.verdict}` });
  if (check.verdict === 'pass') {
    const tall = height(check, slowest);
    out.append(svg('rect', { x: x + 1, y: kTall - tall, width: kBar - 2, height: tall }));
  } else if (check.verdict === 'fail') {
    out.append(svg('path', { d: `M${x + 4} 0V${kTall - 9}` }),
               svg('path', { d: `M${x + 1} ${kTall - 7}l6 6m0-6l-6 6` }));
  } else {
    out.append(svg('circle', { cx: x + 4, cy: kTall - 4, r: 2.5 }));
  }
  return out;
}

export function summaryOf(recent) {
  const good = recent.filter((each) => each.verdict === 'pass');
  const bad = recent.filter((each) => each.verdict === 'fail').length;
  const parts = [`last ${plural(recent.length, 'answer')}: ${good.length} good, ${bad} bad`];
  if (recent.length - good.length - bad) parts.push(`${recent.length - good.length - bad} could not be asked`);
  if (good.length) parts.push(`latest good one in ${latency(good.at(-1).duration_ms)}`);
  return parts.join(', ');
}

export const slowestOf = (recent) =>
  Math.max(0, ...recent.filter((each) => each.verdict === 'pass').map((each) => each.duration_ms));

// The latest at the right. `each`: every bar may be read by itself.
export function strip(recent, now, each = false) {
  const shown = recent.slice(-kMost);
  const slowest = slowestOf(shown);
  const out = svg('svg', { class: 'strip', viewBox: `0 0 ${kBar * kMost} ${kTall + 1}`,
                           role: each ? 'list' : 'img', 'aria-label': summaryOf(shown) });
  out.append(svg('path', { class: 'ground', d: `M0 ${kTall + 0.5}H${kBar * kMost}` }));
  shown.forEach((check, i) => {
    const one = titled(bar(check, kBar * (kMost - shown.length + i), slowest), answer(check, now));
    if (each) {
      one.setAttribute('role', 'listitem');
      one.setAttribute('aria-label', answer(check, now));
    }
    out.append(one);
  });
  return out;
}

const kLevels = { up: 4, unknown: 14, down: 24 };

// What it was, and when: high is up, low is down, dashed is unknown; the right end is now.
export function timeline(transitions, now) {
  const wide = 600;
  const out = svg('svg', { class: 'timeline', viewBox: `0 0 ${wide} 28`, preserveAspectRatio: 'none', role: 'img' });
  if (!transitions.length) return out;
  const begin = Date.parse(transitions[0].at);
  const span = Math.max(1000, now - begin);
  const place = (ms) => Math.min(wide, Math.max(0, (wide * (ms - begin)) / span));
  transitions.forEach((each, i) => {
    const from = place(Date.parse(each.at));
    const next = transitions[i + 1];
    const to = next ? place(Date.parse(next.at)) : wide;
    const y = kLevels[each.to] ?? kLevels.unknown;
    const long = (next ? Date.parse(next.at) : now) - Date.parse(each.at);
    const words = `${each.to} at ${moment(Date.parse(each.at), now)} for ${duration(long)}`;
    out.append(titled(svg('path', { class: `level ${each.to}`, d: `M${from} ${y}H${Math.max(to, from + 1)}` }), words));
    if (next) out.append(svg('path', { class: 'step', d: `M${to} ${y}V${kLevels[next.to] ?? 14}` }));
  });
  out.setAttribute('aria-label', `${plural(transitions.length, 'change')} since ${moment(begin, now)}, the last to ` +
                   `${transitions.at(-1).to} ${duration(now - Date.parse(transitions.at(-1).at))} ago`);
  return out;
}

const kNode = { wide: 148, tall: 60, gap: 12 };
const kNameLetters = 15;

function node(one, x, y) {
  const group = svg('g', { class: `node ${one.sign}${one.here ? ' here' : ''}`, transform: `translate(${x} ${y})` });
  const icon = sign(one.sign);
  for (const [key, value] of Object.entries({ x: 9, y: 21, width: 18, height: 18 })) icon.setAttribute(key, value);
  const lines = [
    [one.here ? 'this node' : 'router', 17, ''],
    [one.name.length > kNameLetters ? `${one.name.slice(0, kNameLetters - 1)}…` : one.name, 33, 'name'],
    [one.words, 49, ''],
  ].map(([text, y, name]) => {
    const line = svg('text', { x: 35, y, class: name });
    line.textContent = text;
    return line;
  });
  group.append(svg('rect', { width: kNode.wide, height: kNode.tall, rx: one.here ? 3 : 16 }), icon, ...lines);
  return titled(group, `${one.here ? 'this node, ' : ''}${one.name}: ${one.words}`);
}

// The network as the link-state database shows it: a line for the prefix, and on it who announces it; who does not
// hangs by a broken line. `nodes`: {name, sign, words, here, linked}; `room`: how wide it may be.
export function network(nodes, room, label) {
  const each = kNode.wide + kNode.gap;
  const columns = Math.max(1, Math.min(nodes.length, Math.floor((room - 12) / each)));
  const rows = Math.ceil(nodes.length / columns);
  const tall = kNode.tall + 34;
  const wide = columns * each + 12;
  const out = svg('svg', { class: 'network', viewBox: `0 0 ${wide} ${rows * tall}`, width: wide, height: rows * tall,
                           role: 'img', 'aria-label': label });
  if (rows > 1) out.append(svg('path', { class: 'wire', d: `M4 6V${(rows - 1) * tall + 6}` }));
  for (let row = 0; row < rows; ++row) {
    const y = row * tall + 6;
    out.append(svg('path', { class: 'wire', d: `M4 ${y}H${wide - 4}` }));
    nodes.slice(row * columns, (row + 1) * columns).forEach((one, column) => {
      const x = 12 + column * each;
      const middle = x + kNode.wide / 2;
      out.append(svg('path', { class: one.linked ? 'drop' : 'drop broken', d: `M${middle} ${y}v20` }));
      if (one.linked) out.append(svg('circle', { class: 'plug', cx: middle, cy: y, r: 4 }));
      else out.append(svg('path', { class: 'cut', d: `M${middle - 5} ${y + 6}l10 8m0-8l-10 8` }));
      out.append(node(one, x, y + 20));
    });
  }
  return out;
}
