import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../shared/errors.js';
import type { NoiseConfig } from './config.js';
import { countEvent, createTotals, type NoiseEvent } from './events.js';

/** Counters of a run in Prometheus' text format (version 0.0.4), served to this machine. */
export interface Metrics {
  readonly port: number;
  readonly onEvent: (event: NoiseEvent) => void;
  text(): string;
  close(): Promise<void>;
}

/**
 * Serves /metrics on loopback.
 * @param port 0 for any that is free
 * @throws InputError where the port is taken
 */
export async function serveMetrics(
  port: number,
  { budgets, requestsPerMinute, connections }: NoiseConfig,
): Promise<Metrics> {
  const counts = createTotals();
  let body = 0;
  const problems = new Map<string, number>();
  let spending = { hour: 0, day: 0, month: 0, requests: 0, connections: 0 };
  const onEvent = (event: NoiseEvent) => {
    countEvent(counts, event);
    if (event.type === 'request') body += event.bytes;
    if (event.type === 'spending') spending = event.spending;
    if ('problem' in event && event.problem !== null) {
      const kind = kindOf(event.problem);
      problems.set(kind, (problems.get(kind) ?? 0) + 1);
    }
  };
  const text = () => {
    const lines: string[] = [];
    const metric = (name: string, type: string, help: string, values: readonly (readonly [string, number])[]) => {
      lines.push(`# HELP homeveil_noise_${name} ${help}`, `# TYPE homeveil_noise_${name} ${type}`);
      for (const [labels, value] of values) lines.push(`homeveil_noise_${name}${labels} ${value}`);
    };
    metric('visits_total', 'counter', 'Visits begun.', [['', counts.visits]]);
    metric('pages_total', 'counter', 'Pages loaded.', [['', counts.pages]]);
    metric('requests_total', 'counter', 'Requests made.', [['', counts.requests]]);
    metric('body_bytes_total', 'counter', 'Bytes of bodies received.', [['', body]]);
    metric('lookups_total', 'counter', 'Names looked up without a connection.', [['', counts.lookups]]);
    metric(
      'problems_total',
      'counter',
      'Requests, pages and look-ups that failed or were incomplete, by kind.',
      [...problems].map(([kind, count]) => [`{kind="${kind}"}`, count]),
    );
    metric('spent_bytes', 'gauge', 'IP bytes in the window, including those set aside.', [
      ['{window="hour"}', spending.hour],
      ['{window="day"}', spending.day],
      ['{window="month"}', spending.month],
    ]);
    metric('budget_bytes', 'gauge', 'Most IP bytes in the window.', [
      ['{window="hour"}', budgets.perHour],
      ['{window="day"}', budgets.perDay],
      ['{window="month"}', budgets.perMonth],
    ]);
    metric('minute_requests', 'gauge', 'Requests in the last minute.', [['', spending.requests]]);
    metric('minute_requests_limit', 'gauge', 'Most requests in a minute.', [['', requestsPerMinute]]);
    metric('connections', 'gauge', 'Open connections.', [['', spending.connections]]);
    metric('connections_limit', 'gauge', 'Most connections open at once.', [['', connections]]);
    return `${lines.join('\n')}\n`;
  };
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new InputError(`--metrics ${port}: ${cause.message}`, { cause })));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    onEvent,
    text,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Kind of a problem, without the details that differ between problems, so that there are few labels. */
function kindOf(problem: string): string {
  const [first = ''] = problem.split(':');
  return /^[\w .-]{1,40}$/.test(first) ? first : 'other';
}
