import { expect, it } from 'vitest';
import { runWorkers } from '../../../src/learning/forest/threads.js';

const script = (source: string) =>
  new URL(`data:text/javascript,import { parentPort, workerData } from 'node:worker_threads'; ${source}`);

it('hands on the results of all workers', async () => {
  const results: number[] = [];
  const source = 'parentPort.postMessage({ result: workerData }); parentPort.postMessage({ done: true });';
  await runWorkers<number>(script(source), 7, 2, (result) => results.push(result));
  expect(results).toEqual([7, 7]);
});

it('fails with the error of a worker, and leaves none running', async () => {
  // One worker fails; the other would run for ever.
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const source = 'if (Atomics.add(workerData, 0, 1) === 0) throw new Error("no memory"); setInterval(() => {}, 1000);';
  await expect(runWorkers(script(source), counter, 2, () => {})).rejects.toThrow('worker thread failed: no memory');
});

it('fails where a worker ends before its work is done', async () => {
  await expect(runWorkers(script('process.exit(3);'), null, 1, () => {})).rejects.toThrow('ended with code 3');
});

it('fails where a result cannot be used', async () => {
  const source = 'parentPort.postMessage({ result: 1 });';
  const unusable = () => {
    throw new Error('not this');
  };
  await expect(runWorkers(script(source), null, 1, unusable)).rejects.toThrow('not this');
});
