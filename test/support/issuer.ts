import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type IssuerConfig, issuerConfigSchema } from '../../src/auth/issuer-config.ts';
import { type SigningKey, signedToken } from './tokens.ts';

/** What the issuer answers when asked for its keys. */
export type Answer =
  | { kind: 'keys'; keys: readonly object[]; status?: number }
  | { kind: 'body'; body: string }
  | { kind: 'status'; status: number }
  | { kind: 'redirect'; to: string }
  /** A body that never ends. */
  | { kind: 'endless' }
  /** Headers and the beginning of a body, then silence. */
  | { kind: 'stalled' }
  /** Nothing at all. */
  | { kind: 'silent' };

export type TestIssuer = AsyncDisposable & {
  /** `iss` of its tokens. */
  issuer: string;
  jwksUrl: string;
  /** How often it was asked for its keys. */
  requests(): number;
  /** Resolves when it is asked the next time. */
  nextRequest(): Promise<void>;
  answerWith(answer: Answer): void;
  /** Holds every answer back until the returned function is called. */
  hold(): () => void;
  /** A configuration that trusts it, with the parts that a test changes. */
  config(changes?: Partial<IssuerConfig>): IssuerConfig;
  /** A valid access token, with changes; a claim or header member set to undefined is left out. */
  token(key: SigningKey, changes?: { header?: object; claims?: object }): string;
};

/** Seconds since the epoch at which tokens of {@link TestIssuer.token} are issued; they live for five minutes. */
export const issuedAtSeconds = 1_780_000_000;

/** A token issuer on loopback that serves a JWK set over HTTP. */
export async function startIssuer(issuer: string, keys: readonly SigningKey[]): Promise<TestIssuer> {
  let answer: Answer = { kind: 'keys', keys: keys.map((key) => key.jwk) };
  let requests = 0;
  let held: Promise<void> = Promise.resolve();
  const server = createServer((_req, res) => {
    requests += 1;
    server.emit('asked');
    void held.then(() => give(answer, res));
  });
  // A test that waits for a request that never comes ends then, instead of hanging.
  server.unref();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  return {
    issuer,
    jwksUrl,
    requests: () => requests,
    nextRequest: async () => {
      await once(server, 'asked');
    },
    answerWith: (next) => {
      answer = next;
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    config: (changes = {}) => ({
      ...issuerConfigSchema.parse({
        issuer,
        keys: { jwksUrl },
        audiences: ['portcullis'],
        algorithms: ['RS256', 'PS256', 'ES256'],
      }),
      ...changes,
    }),
    token: (key, { header = {}, claims = {} } = {}) =>
      signedToken(
        { alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header },
        { ...validClaims(issuer), ...claims },
        key,
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Claims of a valid access token (RFC 9068 section 2.2). */
export function validClaims(issuer: string) {
  return {
    iss: issuer,
    sub: 'svc-network',
    aud: 'portcullis',
    iat: issuedAtSeconds,
    exp: issuedAtSeconds + 300,
    jti: 'a-token',
    client_id: 'svc-network',
  };
}

function give(answer: Answer, res: ServerResponse): void {
  res.setHeader('Content-Type', 'application/jwk-set+json');
  switch (answer.kind) {
    case 'keys':
      res.writeHead(answer.status ?? 200).end(JSON.stringify({ keys: answer.keys }));
      return;
    case 'body':
      res.end(answer.body);
      return;
    case 'status':
      res.writeHead(answer.status).end();
      return;
    case 'redirect':
      res.writeHead(302, { Location: answer.to }).end();
      return;
    case 'endless': {
      res.write('{"keys":[],"padding":"');
      const chunk = 'x'.repeat(65_536);
      const fill = () => {
        while (!res.destroyed && res.write(chunk));
      };
      res.on('drain', fill);
      fill();
      return;
    }
    case 'stalled':
      res.write('{"keys":[');
      return;
    case 'silent':
  }
}
