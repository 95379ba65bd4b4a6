import pg from 'pg';
import { describeUrl } from './postgresql.ts';

/**
 * The environment with which PostgreSQL's own programs reach the database that the driver reaches with `url`, the
 * password included (https://www.postgresql.org/docs/current/libpq-envars.html). Throws OperatorError when it is no URL.
 */
export function libpqEnvironment(url: string): Record<string, string> {
  describeUrl(url);
  // Read by the driver itself, and never connected: the same defaults, sockets and IPv6 addresses.
  const { host, port, user, password, database } = new pg.Client({ connectionString: url });
  return {
    ...present({
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
    }),
    ...tlsEnvironment(new URL(url).searchParams),
  };
}

/**
 * The driver verifies certificate and name wherever it uses TLS, unless it is told `no-verify`, and knows the public
 * authorities; libpq knows less strict modes by the same names.
 */
function tlsEnvironment(parameters: URLSearchParams): Record<string, string> {
  const mode = parameters.get('sslmode');
  if (mode === null) return {};
  const files = present({
    PGSSLROOTCERT: parameters.get('sslrootcert'),
    PGSSLCERT: parameters.get('sslcert'),
    PGSSLKEY: parameters.get('sslkey'),
  });
  if (parameters.get('uselibpqcompat') === 'true' || mode === 'disable') return { PGSSLMODE: mode, ...files };
  if (mode === 'no-verify') return { PGSSLMODE: 'require', ...files };
  return { PGSSLMODE: 'verify-full', PGSSLROOTCERT: process.env.PGSSLROOTCERT ?? 'system', ...files };
}

function present(values: Record<string, string | null | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
  );
}
