import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../shared/errors.js';
import type { NoiseConfig } from './config.js';
import type { NoiseEvent } from './events.js';

/** Counts of a run in Prometheus' text format (version 0.0.4), for whoever asks on this machine. */
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
  const counts = { visits: 0, pages: 0, requests: 0, body: 0, lookups: 0 };
  const problems = new Map<string, number>();
  let spending = { hour: 0, day: 0, month: 0, requests: 0, connections: 0 };
  const onEvent = (event: NoiseEvent) => {
    switch (event.type) {
      case 'visit':
        counts.visits++;
        break;
      case 'page':
        if (event.problem === null) counts.pages++;
        break;
      case 'request':
        counts.requests++;
        counts.body += event.bytes;
        break;
      case 'lookup':
        counts.lookups++;
        break;
      case 'spending':
        spending = event.spending;
        break;
    }
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
    metric('body_bytes_total', 'counter', 'Bytes of bodies received.', [['', counts.body]]);
    metric('lookups_total', 'counter', 'Names looked up and nothing more.', [['', counts.lookups]]);
    metric(
      'problems_total',
      'counter',
      'What did not come as it should, by kind.',
      [...problems].map(([kind, count]) => [`{kind="${kind}"}`, count]),
    );
    metric('spent_bytes', 'gauge', 'IP bytes in the window, those set aside included.', [
      ['{window="hour"}', spending.hour],
      ['{window="day"}', spending.day],
      ['{window="month"}', spending.month],
    ]);
    metric('budget_bytes', 'gauge', 'IP bytes that the window may hold.', [
      ['{window="hour"}', budgets.perHour],
      ['{window="day"}', budgets.perDay],
      ['{window="month"}', budgets.perMonth],
    ]);
    metric('minute_requests', 'gauge', 'Requests in the last minute.', [['', spending.requests]]);
    metric('minute_requests_limit', 'gauge', 'Requests that a minute may hold.', [['', requestsPerMinute]]);
    metric('connections', 'gauge', 'Connections open.', [['', spending.connections]]);
    metric('connections_limit', 'gauge', 'Connections that may be open.', [['', connections]]);
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

/** A problem without what differs from one to the next, so that there are few labels. */
function kindOf(problem: string): string {
  const [first = ''] = problem.split(':');
  return /^[\w .-]{1,40}$/.test(first) ? first : 'other';
}
