import { pino } from 'pino';
import { startGateway } from '../app.ts';
import { readConfig } from '../config.ts';
import { createLogger } from '../log.ts';
import { aborted, type Command, portOption, textOption } from './command.ts';

/** `portcullis serve`: the gateway alone, with the settings of file and environment. */
export const serve: Command = {
  name: 'serve',
  summary: 'Run the gateway against the cloud, with your issuers.',
  help: `Usage: portcullis serve [--config FILE] [--port N] [--state-dir DIR]

  --config FILE     settings in YAML; environment variables win over it, options over both
  --port N          where to listen (PORT, default 8080)
  --state-dir DIR   where the ledger lives (PORTCULLIS_STATE_DIR, default .portcullis)

The README lists every setting. Cloud credentials come from the credentials chain of Alibaba Cloud
(environment, OIDC, profile, RAM role of the instance).`,
  options: { config: { type: 'string' }, port: { type: 'string' }, 'state-dir': { type: 'string' } },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, signal }) {
    const port = portOption(values, 'port');
    const stateDir = textOption(values, 'state-dir');
    const config = readConfig(textOption(values, 'config'), environment, {
      ...(port === null ? {} : { port }),
      ...(stateDir === null ? {} : { stateDir }),
    });
    const log = createLogger(config.log.level, pino.destination({ dest: 1, sync: false }));
    await using gateway = await startGateway(config, { log, now: Date.now, credentials: { kind: 'chain' } });
    log.info(
      { url: gateway.url, metrics: gateway.metricsUrl, policyRevision: gateway.policyRevision },
      'listening',
    );
    await aborted(signal);
    log.info('stopping: requests in flight are finished, none is begun');
  },
};
