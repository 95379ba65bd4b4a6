import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { issuerConfigsSchema } from './auth/issuer-config.ts';
import { OperatorError } from './errors.ts';

const portNumber = z.int().min(0).max(65_535);
const name = z.string().min(1).max(200);
const hostAndPort = z
  .string()
  .regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'is no host or host:port (no scheme, no path)');

const settingsSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: portNumber.default(8080),
  stateDir: z.string().min(1).default('.portcullis'),
  accountId: z.string().regex(/^\d{1,32}$/, 'is no account id (digits only)'),
  regions: z
    .array(z.string().regex(/^[a-z]{2}-[a-z0-9-]{1,40}$/, 'is no region id'))
    .min(1)
    .max(200),
  issuers: issuerConfigsSchema,
  trustedProxies: z
    .array(z.string().refine(isAddressOrNetwork, 'is no IP address or network such as 10.0.0.0/8'))
    .default([]),
  tls: z
    .strictObject({ certFile: name, keyFile: name, clientCaFile: name.nullable().default(null) })
    .nullable()
    .default(null),
  metrics: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: portNumber.default(9464) })
    .prefault({}),
  policy: z.strictObject({ bundle: name.nullable().default(null) }).prefault({}),
  cloud: z
    .strictObject({
      /** Instead of the official endpoint of each region, e.g. a private endpoint or the emulator. */
      endpoint: hostAndPort.nullable().default(null),
      stsEndpoint: hostAndPort.nullable().default(null),
      protocol: z.enum(['https', 'http']).default('https'),
      network: z.enum(['public', 'vpc']).default('public'),
      connectTimeoutMs: z.int().min(100).max(30_000).default(5_000),
      readTimeoutMs: z.int().min(100).max(30_000).default(10_000),
      /** For one deletion with all its attempts. Below 30 s, so that no attempt outlives its decision by more. */
      callDeadlineMs: z.int().min(1_000).max(25_000).default(20_000),
      concurrentCallsPerRegion: z.int().min(1).max(1_000).default(32),
    })
    .prefault({}),
  limits: z
    .strictObject({
      requestsPerMinute: z.int().min(1).max(1_000_000).default(600),
      failedAuthenticationsPerMinute: z.int().min(1).max(10_000).default(30),
    })
    .prefault({}),
  /** PostgreSQL, for several instances; without it, SQLite in the state directory. The URL may hold a password. */
  database: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\//, 'is no postgresql:// URL')
        .nullable()
        .default(null),
    })
    .prefault({}),
  ledger: z
    .strictObject({
      idempotencyRetentionMs: z.int().min(60_000).max(31_536_000_000).default(86_400_000),
      clientTokenTrustMs: z.int().min(1_000).max(86_400_000).default(600_000),
      leaseMs: z.int().min(1_000).max(600_000).default(20_000),
    })
    .prefault({}),
  recovery: z
    .strictObject({
      intervalMs: z.int().min(100).max(60_000).default(1_000),
      lookEveryMs: z.int().min(100).max(600_000).default(5_000),
      attentionAfterMs: z.int().min(1_000).max(86_400_000).default(600_000),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
});

/** The settings of a gateway, complete and checked. */
export type Config = z.output<typeof settingsSchema>;
/** Settings as a person may write them, defaults left out. */
export type ConfigInput = z.input<typeof settingsSchema>;

type Kind = 'text' | 'number' | 'boolean' | 'list' | 'json';

/** Every environment variable there is: which setting it is, and how its text reads. */
export const environmentVariables: Readonly<Record<string, { path: readonly string[]; kind: Kind }>> = {
  HOST: { path: ['host'], kind: 'text' },
  PORT: { path: ['port'], kind: 'number' },
  PORTCULLIS_STATE_DIR: { path: ['stateDir'], kind: 'text' },
  PORTCULLIS_ACCOUNT_ID: { path: ['accountId'], kind: 'text' },
  PORTCULLIS_REGIONS: { path: ['regions'], kind: 'list' },
  PORTCULLIS_ISSUERS: { path: ['issuers'], kind: 'json' },
  PORTCULLIS_TRUSTED_PROXIES: { path: ['trustedProxies'], kind: 'list' },
  PORTCULLIS_TLS_CERT_FILE: { path: ['tls', 'certFile'], kind: 'text' },
  PORTCULLIS_TLS_KEY_FILE: { path: ['tls', 'keyFile'], kind: 'text' },
  PORTCULLIS_TLS_CLIENT_CA_FILE: { path: ['tls', 'clientCaFile'], kind: 'text' },
  PORTCULLIS_METRICS_HOST: { path: ['metrics', 'host'], kind: 'text' },
  PORTCULLIS_METRICS_PORT: { path: ['metrics', 'port'], kind: 'number' },
  PORTCULLIS_POLICY_BUNDLE: { path: ['policy', 'bundle'], kind: 'text' },
  PORTCULLIS_CLOUD_ENDPOINT: { path: ['cloud', 'endpoint'], kind: 'text' },
  PORTCULLIS_CLOUD_STS_ENDPOINT: { path: ['cloud', 'stsEndpoint'], kind: 'text' },
  PORTCULLIS_CLOUD_PROTOCOL: { path: ['cloud', 'protocol'], kind: 'text' },
  PORTCULLIS_CLOUD_NETWORK: { path: ['cloud', 'network'], kind: 'text' },
  PORTCULLIS_CLOUD_CONNECT_TIMEOUT_MS: { path: ['cloud', 'connectTimeoutMs'], kind: 'number' },
  PORTCULLIS_CLOUD_READ_TIMEOUT_MS: { path: ['cloud', 'readTimeoutMs'], kind: 'number' },
  PORTCULLIS_CLOUD_CALL_DEADLINE_MS: { path: ['cloud', 'callDeadlineMs'], kind: 'number' },
  PORTCULLIS_CLOUD_CONCURRENT_CALLS_PER_REGION: {
    path: ['cloud', 'concurrentCallsPerRegion'],
    kind: 'number',
  },
  PORTCULLIS_LIMITS_REQUESTS_PER_MINUTE: { path: ['limits', 'requestsPerMinute'], kind: 'number' },
  PORTCULLIS_LIMITS_FAILED_AUTHENTICATIONS_PER_MINUTE: {
    path: ['limits', 'failedAuthenticationsPerMinute'],
    kind: 'number',
  },
  PORTCULLIS_DATABASE_URL: { path: ['database', 'url'], kind: 'text' },
  PORTCULLIS_LEDGER_IDEMPOTENCY_RETENTION_MS: { path: ['ledger', 'idempotencyRetentionMs'], kind: 'number' },
  PORTCULLIS_LEDGER_CLIENT_TOKEN_TRUST_MS: { path: ['ledger', 'clientTokenTrustMs'], kind: 'number' },
  PORTCULLIS_LEDGER_LEASE_MS: { path: ['ledger', 'leaseMs'], kind: 'number' },
  PORTCULLIS_RECOVERY_INTERVAL_MS: { path: ['recovery', 'intervalMs'], kind: 'number' },
  PORTCULLIS_RECOVERY_LOOK_EVERY_MS: { path: ['recovery', 'lookEveryMs'], kind: 'number' },
  PORTCULLIS_RECOVERY_ATTENTION_AFTER_MS: { path: ['recovery', 'attentionAfterMs'], kind: 'number' },
  PORTCULLIS_LOG_LEVEL: { path: ['log', 'level'], kind: 'text' },
};

/** A start that was stopped by its settings; `problems` lists every one of them. */
export class ConfigError extends OperatorError {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads the settings: the file (YAML; null: none), over it the environment, over that `overrides` (from the command
 * line). Throws ConfigError with every problem at once: unknown keys and variables, wrong types, contradictions.
 */
export function readConfig(
  file: string | null,
  environment: Readonly<Record<string, string | undefined>>,
  overrides: Readonly<Record<string, unknown>>,
): Config {
  const problems: string[] = [];
  const settings = file === null ? {} : readFile(file, problems);
  applyEnvironment(settings, environment, problems);
  Object.assign(settings, overrides);
  const parsed = settingsSchema.safeParse(settings);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(issueLines));
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

/** Where the ledger is kept. */
export type StoreSettings = { databaseUrl: string | null; stateDir: string };

const storeSettingsSchema = z.object({
  stateDir: settingsSchema.shape.stateDir,
  database: settingsSchema.shape.database,
});

/**
 * The settings of the store alone, for commands that need nothing else; read as `readConfig` reads them, other settings
 * passed over. Throws ConfigError.
 */
export function readStoreSettings(
  file: string | null,
  environment: Readonly<Record<string, string | undefined>>,
  stateDir: string | null,
): StoreSettings {
  const problems: string[] = [];
  const settings = file === null ? {} : readFile(file, problems);
  const { PORTCULLIS_STATE_DIR, PORTCULLIS_DATABASE_URL } = environment;
  applyEnvironment(settings, { PORTCULLIS_STATE_DIR, PORTCULLIS_DATABASE_URL }, problems);
  if (stateDir !== null) settings.stateDir = stateDir;
  const parsed = storeSettingsSchema.safeParse(settings);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(issueLines));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return { databaseUrl: parsed.data.database.url, stateDir: parsed.data.stateDir };
}

/** Checks settings that code composed (the demo, a test). Throws ConfigError as `readConfig`. */
export function checkConfig(settings: ConfigInput): Config {
  return readConfig(null, {}, settings);
}

function readFile(file: string, problems: string[]): Record<string, unknown> {
  try {
    const content: unknown = parseYaml(readFileSync(file, 'utf8'), { uniqueKeys: true, maxAliasCount: 0 });
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
      return content as Record<string, unknown>;
    }
    problems.push(`${file}: is no mapping of settings.`);
  } catch (error) {
    problems.push(`${file}: cannot be read as YAML (${(error as Error).message.split('\n')[0]}).`);
  }
  return {};
}

function applyEnvironment(
  settings: Record<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): void {
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined) continue;
    const setting = Object.hasOwn(environmentVariables, variable)
      ? environmentVariables[variable]
      : undefined;
    if (setting !== undefined) {
      const value = readValue(text, setting.kind);
      if (value === undefined) problems.push(`${variable}: ${JSON.stringify(text)} is no ${setting.kind}.`);
      else setAt(settings, setting.path, value);
    } else if (variable.startsWith('PORTCULLIS_')) {
      problems.push(`${variable}: there is no such setting.`);
    }
  }
}

function readValue(text: string, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'list':
      return text.split(',').map((part) => part.trim());
    case 'json':
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
  }
}

function setAt(settings: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    settings[key] = value;
    return;
  }
  const inner = settings[key];
  const group = typeof inner === 'object' && inner !== null ? { ...inner } : {};
  settings[key] = group;
  setAt(group as Record<string, unknown>, rest, value);
}

function issueLines(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.join('.') || 'settings';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${issue.path.concat(key).join('.')}: there is no such setting.`);
  }
  return [`${at}: ${issue.message.replace(/\.?$/, '.')}`];
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  for (const key of ['endpoint', 'stsEndpoint'] as const) {
    const endpoint = config.cloud[key];
    if (
      config.cloud.protocol === 'http' &&
      (endpoint === null || !isLoopback(endpoint.split(':')[0] ?? ''))
    ) {
      problems.push(`cloud.${key}: with cloud.protocol http it must be set, to a loopback address.`);
    }
  }
  // One attempt with the wait for its turn and the look after it; the next attempt renews the lease.
  const attemptMs = config.cloud.readTimeoutMs + 6_000;
  if (config.ledger.leaseMs < attemptMs) {
    problems.push(
      `ledger.leaseMs: must be at least ${attemptMs}, cloud.readTimeoutMs and 6000 more, so that no lease ends during an attempt.`,
    );
  }
  return problems;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
