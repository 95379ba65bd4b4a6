import { type DestinationStream, type Logger, pino } from 'pino';

/** Names under which a secret might ever be logged; they are blotted out at any depth that is ever logged. */
const secretKeys = [
  'authorization',
  'accessKeyId',
  'accessKeySecret',
  'securityToken',
  'Signature',
  'Psk',
  'AuthKey',
  'token',
  'password',
];

/**
 * The log: one JSON object a line. Errors are written with type, message, code and stack, and their causes by message
 * alone, because the errors of HTTP clients carry whole requests.
 */
export function createLogger(level: string, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service: 'portcullis' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
        censor: '[redacted]',
      },
      serializers: { err: describeError },
    },
    destination,
  );
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error))
    return { message: typeof error === 'string' ? error.slice(0, 500) : typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    message: error.message.slice(0, 2_000),
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack?.slice(0, 4_000),
    ...(error.cause === undefined ? {} : { cause: describeCause(error.cause) }),
  };
}

function describeCause(cause: unknown): string {
  return (cause instanceof Error ? `${cause.name}: ${cause.message}` : typeof cause).slice(0, 500);
}
