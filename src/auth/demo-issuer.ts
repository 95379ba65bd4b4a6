import { createPrivateKey, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { OperatorError } from '../errors.ts';
import { demoKey } from './demo-keys.ts';
import { type IssuerConfig, issuerConfigSchema } from './issuer-config.ts';

/** `iss` and `aud` of demo tokens. */
export const demoIssuerName = 'urn:portcullis:demo-issuer';
export const demoAudience = 'portcullis';

const jwksPath = '/.well-known/jwks.json';

/** The demo issuer while it serves its public key. */
export type DemoIssuer = { jwksUrl: string } & AsyncDisposable;

/**
 * Serves the demo issuer's public key on loopback. Tokens are signed by {@link signDemoToken}, in any process that
 * may read `stateDir`; the issuer itself hands out none. `port` 0 takes any free one.
 * Throws an Error that says what to do where the port is taken or the key cannot be kept.
 */
export async function startDemoIssuer(options: { stateDir: string; port: number }): Promise<DemoIssuer> {
  const { kty, crv, x, y, kid } = await demoKey(options.stateDir);
  const jwks = JSON.stringify({ keys: [{ kty, crv, x, y, kid, use: 'sig', alg: 'ES256' }] });
  const server = createServer((req, res) => {
    const isKeySet = req.method === 'GET' && req.url === jwksPath;
    res.writeHead(isKeySet ? 200 : 404, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    res.end(isKeySet ? jwks : '{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${error.message})`;
      reject(
        new OperatorError(`Port ${options.port} for the demo issuer ${reason}. Choose another one.`, {
          cause: error,
        }),
      );
    });
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The demo issuer has no port.');
  return {
    jwksUrl: `http://127.0.0.1:${address.port}${jwksPath}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The gateway's configuration for the demo issuer, which may grant what `grants` says and nothing else. */
export function demoIssuerConfig(jwksUrl: string, grants: IssuerConfig['grants']): IssuerConfig {
  return issuerConfigSchema.parse({
    issuer: demoIssuerName,
    keys: { jwksUrl },
    audiences: [demoAudience],
    algorithms: ['ES256'],
    maxTokenAgeSeconds: 86_400,
    claims: { tenant: 'tenant', roles: 'roles', teams: 'teams' },
    grants,
  });
}

export type DemoTokenRequest = {
  stateDir: string;
  subject: string;
  roles: readonly string[];
  teams: readonly string[];
  tenant: string | null;
  /** From now to `exp`. */
  ttlSeconds: number;
  /** Further claims; they replace those that the issuer would set, to try what the gateway makes of it. */
  claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch. */
  now: () => number;
};

/**
 * An access token (RFC 9068) of the demo issuer in compact serialisation. Makes the key where there is none yet.
 * Throws an Error where the key cannot be had or `claims` cannot be signed.
 */
export async function signDemoToken(request: DemoTokenRequest): Promise<string> {
  const key = await demoKey(request.stateDir);
  const issuedAt = Math.floor(request.now() / 1000);
  const payload = {
    iss: demoIssuerName,
    aud: demoAudience,
    sub: request.subject,
    iat: issuedAt,
    exp: issuedAt + request.ttlSeconds,
    jti: randomUUID(),
    roles: request.roles,
    teams: request.teams,
    ...(request.tenant === null ? {} : { tenant: request.tenant }),
    ...request.claims,
  };
  return jwt.sign(payload, createPrivateKey({ key: { ...key }, format: 'jwk' }), {
    algorithm: 'ES256',
    header: { alg: 'ES256', typ: 'at+jwt', kid: key.kid },
  });
}
