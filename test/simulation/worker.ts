import { parentPort, workerData } from 'node:worker_threads';
import { type Exploration, explore } from './explore.ts';

parentPort?.postMessage(await explore(workerData as Exploration));
