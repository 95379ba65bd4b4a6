import { readFile } from 'node:fs/promises';
import type { PublicRoute } from './route.ts';

/** Whether Portcullis can decide and record, and what is amiss if not. */
export type Readiness = {
  ready: boolean;
  checks: Record<'store' | 'operations' | 'policy' | 'keys', { ok: boolean; detail: string }>;
};

/** Liveness, readiness and the contract: public, and silent about everything internal. */
export function publicRoutes(deps: {
  readiness: () => Promise<Readiness>;
  contractFile: URL;
}): PublicRoute[] {
  return [
    {
      method: 'get',
      path: '/livez',
      access: 'public',
      handle: (_req, res) => void res.json({ status: 'alive' }),
    },
    {
      method: 'get',
      path: '/readyz',
      access: 'public',
      async handle(_req, res) {
        const { ready, checks } = await deps.readiness();
        res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', checks });
      },
    },
    {
      method: 'get',
      path: '/openapi.yaml',
      access: 'public',
      async handle(_req, res) {
        res.type('application/yaml').send(await readFile(deps.contractFile, 'utf8'));
      },
    },
  ];
}
