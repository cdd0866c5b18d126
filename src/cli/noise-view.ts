import type { NoiseConfig } from '../noise/config.js';
import { countEvent, createTotals, type NoiseEvent } from '../noise/events.js';
import { visibleLine } from '../shared/visible.js';
import { createScreen, formatBytes, formatCount, formatDuration } from './terminal.js';

/** Display of `homeveil noise` while it runs. */
interface NoiseView {
  readonly onEvent: (event: NoiseEvent) => void;
  end(): void;
}

/** Number of recent events shown, a line each. */
const RECENT = 8;
/** Seconds over which the rate is averaged. */
const RATE = 10;
/** Milliseconds between two redraws. */
const REDRAW = 250;

/** Redraws a few lines in place on a terminal; elsewhere prints a line for each page, rest and look-up. */
export function createNoiseView(config: NoiseConfig, stream: NodeJS.WriteStream = process.stdout): NoiseView {
  const view = createNoiseScreen(config);
  if (!stream.isTTY) {
    return {
      onEvent(event) {
        const line = lineOf(event);
        if (line !== null) stream.write(`${visibleLine(line)}\n`);
      },
      end() {},
    };
  }
  const screen = createScreen(stream);
  const draw = () => screen.draw(view.lines());
  const timer = setInterval(draw, REDRAW);
  return {
    onEvent: view.onEvent,
    end() {
      clearInterval(timer);
      draw();
    },
  };
}

/** Collects events into the lines of a terminal. */
function createNoiseScreen({ budgets, requestsPerMinute, connections, users }: NoiseConfig) {
  const counts = createTotals();
  const recent: string[] = [];
  const doing = new Map<number, string>();
  /** Times of recent events with the bytes spent in the month by then. */
  const spent: [number, number][] = [];
  let spending = { hour: 0, day: 0, month: 0, requests: 0, connections: 0 };
  return {
    onEvent(event: NoiseEvent) {
      countEvent(counts, event);
      if (event.type === 'spending') {
        spending = event.spending;
        spent.push([event.time, spending.month]);
        while (spent.length > 2 && spent[0]![0] < event.time - RATE) spent.shift();
      }
      if (event.type === 'visit') doing.set(event.user, `visits ${hostOf(event.root)}`);
      if (event.type === 'rest') doing.set(event.user, restOf(event));
      if (event.type === 'leave') doing.set(event.user, 'has left');
      const line = lineOf(event);
      if (line !== null && event.type !== 'start') recent.push(line);
      if (recent.length > RECENT) recent.shift();
    },
    lines(): string[] {
      const [from, to] = [spent[0], spent.at(-1)];
      const rate = from && to && to[0] > from[0] ? Math.max(0, (to[1] - from[1]) / (to[0] - from[0])) : 0;
      const bar = (used: number, limit: number) => {
        const filled = Math.min(20, Math.round((20 * used) / limit));
        return `${'█'.repeat(filled)}${'·'.repeat(20 - filled)}`;
      };
      const budget = (name: string, used: number, limit: number) =>
        `${name.padEnd(7)}${bar(used, limit)}  ${formatBytes(Math.max(0, limit - used))} left of ${formatBytes(limit)}`;
      const shown = [...doing].sort((a, b) => a[0] - b[0]).slice(0, 8);
      return [
        `noise  ${formatBytes(rate)}/s  ${formatCount(counts.visits)} visits  ${formatCount(counts.pages)} pages  ${formatCount(counts.requests)} requests  ${formatCount(counts.lookups)} look-ups  ${formatCount(counts.problems)} problems`,
        budget('hour', spending.hour, budgets.perHour),
        budget('day', spending.day, budgets.perDay),
        budget('month', spending.month, budgets.perMonth),
        `${spending.requests} of ${requestsPerMinute} requests in the last minute, ${spending.connections} of ${connections} connections open`,
        ...shown.map(([user, what]) => `user ${user + 1}  ${what}`),
        ...(users > 8 ? [`… ${users - 8} more users`] : []),
        '',
        ...recent,
      ];
    },
  };
}

/** Describes an event in a line; null for events that are not shown by themselves. */
function lineOf(event: NoiseEvent): string | null {
  const at = new Date(event.time * 1000).toTimeString().slice(0, 8);
  switch (event.type) {
    case 'start':
      return `${at}  ${event.users} users, ${event.roots} roots, engine ${event.engine}`;
    case 'browser': {
      const kept = {
        namespace: 'in a network namespace whose only way out is the gateway',
        flags: 'confined to the gateway by its flags alone: this system allows no network namespace',
      } as const;
      const who = event.runsAs === null ? '' : `, as user ${event.runsAs}`;
      return `${at}  Chromium ${kept[event.isolation]}${who}${event.sandbox ? '' : ', WITHOUT its sandbox'}`;
    }
    case 'page': {
      const size =
        event.problem ??
        `${event.status}  ${formatBytes(event.bytes)} in ${event.requests} requests, ${formatDuration(event.seconds)}`;
      return `${at}  user ${event.user + 1}  ${event.url}  ${size}`;
    }
    case 'rest':
      return `${at}  user ${event.user + 1}  ${restOf(event)}`;
    case 'home':
      return `${at}  the defense is shown what passes ${event.interface} (${event.engine})`;
    case 'lookup':
      return `${at}  look-up ${event.name}${event.problem === null ? '' : `  ${event.problem}`}`;
    case 'stop':
      return `${at}  ${event.why} after ${formatDuration(event.seconds)}: ${event.totals.pages} pages in ${event.totals.visits} visits, ${formatBytes(event.totals.bytes)}`;
    default:
      return null;
  }
}

function restOf({ why, until }: Extract<NoiseEvent, { type: 'rest' }>): string {
  const date = new Date(until * 1000);
  const time = Number.isFinite(until) ? date.toTimeString().slice(0, 5) : 'later';
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday || !Number.isFinite(until) ? '' : `${date.toDateString().slice(0, 10)} `;
  const reasons = { hours: 'not an active hour', budget: 'budget spent', rhythm: 'until the next visit' } as const;
  return `rests until ${day}${time}: ${reasons[why]}`;
}

const hostOf = (url: string) => new URL(url).host;
