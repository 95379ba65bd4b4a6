import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Explored } from './explore.ts';
import type { Task } from './worker.ts';

/** Explores in a thread of its own; throws what the thread throws. */
export async function exploreInWorker(task: Task): Promise<Explored> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task });
  try {
    const [explored] = (await once(worker, 'message')) as [Explored];
    return explored;
  } finally {
    await worker.terminate();
  }
}
