import { signDemoToken } from '../auth/demo-issuer.ts';
import { type Command, CommandError, textOption } from './command.ts';

const defaultTtlSeconds = 3_600;

/** `portcullis token`: an access token of the demo issuer, and nothing else on stdout. */
export const token: Command = {
  name: 'token',
  summary: 'Print an access token of the demo issuer.',
  help: `Usage: portcullis token --sub S [--roles A,B] [--teams A,B] [--tenant T] [--ttl SECONDS]
                        [--issuer-claims JSON] [--state-dir DIR]

  --sub S               who the token speaks for
  --roles A,B           roles, comma-separated; the demo gateway believes vpn-operator and auditor
  --teams A,B           teams, comma-separated
  --tenant T            the tenant
  --ttl SECONDS         how long it is valid (default ${defaultTtlSeconds})
  --issuer-claims JSON  further claims, over those above, to try what the gateway makes of them
  --state-dir DIR       where the demo keeps its key (default: PORTCULLIS_STATE_DIR, else .portcullis)

Its tokens are accepted by \`portcullis demo\` alone.`,
  options: {
    sub: { type: 'string' },
    roles: { type: 'string' },
    teams: { type: 'string' },
    tenant: { type: 'string' },
    ttl: { type: 'string' },
    'issuer-claims': { type: 'string' },
    'state-dir': { type: 'string' },
  },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, stdout }) {
    const subject = textOption(values, 'sub');
    if (subject === null || subject === '') {
      throw new CommandError('A token needs a subject. Say who it speaks for with --sub.');
    }
    const stateDir = textOption(values, 'state-dir') ?? environment.PORTCULLIS_STATE_DIR ?? '.portcullis';
    try {
      const signed = await signDemoToken({
        stateDir,
        subject,
        roles: list(textOption(values, 'roles')),
        teams: list(textOption(values, 'teams')),
        tenant: textOption(values, 'tenant'),
        ttlSeconds: seconds(textOption(values, 'ttl')),
        claims: claims(textOption(values, 'issuer-claims')),
        now: Date.now,
      });
      stdout(signed);
    } catch (error) {
      throw error instanceof CommandError
        ? error
        : new CommandError((error as Error).message, { cause: error });
    }
  },
};

function list(text: string | null): string[] {
  return text === null
    ? []
    : text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
}

function seconds(text: string | null): number {
  if (text === null) return defaultTtlSeconds;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new CommandError(`--ttl ${text} is no number of seconds.`);
  return Number(text);
}

function claims(text: string | null): Record<string, unknown> {
  if (text === null) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Falls through to the one message for both.
  }
  throw new CommandError('--issuer-claims is no JSON object. Give one, such as \'{"exp": 1}\'.');
}
