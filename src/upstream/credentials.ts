import { DefaultCredentialsProvider } from '@alicloud/credentials';

/** What a request is signed with. `securityToken` is empty for a long-lived key. */
export type CloudKeys = {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken: string;
  /** Which link of the chain they come from, as the official client reports it to the cloud. */
  providerName: string;
};

/** Where keys come from. Rejects when none can be had; the message may name providers, never a secret. */
export type CredentialSource = () => Promise<CloudKeys>;

export type CredentialSettings =
  | {
      /** Environment, OIDC, CLI profile, profile file, instance role, URI: in the official client's order. */
      kind: 'chain';
    }
  | { kind: 'static'; accessKeyId: string; accessKeySecret: string; securityToken: string | null };

type Provider = { getCredentials(): Promise<unknown>; getProviderName(): string };

/** The credentials to sign with; refreshed by the official client, one refresh at a time. */
export function createCredentialSource(settings: CredentialSettings): CredentialSource {
  if (settings.kind === 'static') {
    const keys = keysFrom({
      ...settings,
      securityToken: settings.securityToken ?? '',
      providerName: 'static',
    });
    return () => Promise.resolve(keys);
  }
  return chain(() => DefaultCredentialsProvider.builder().build(), 10_000);
}

/**
 * Wraps a provider chain. The official one pins the provider it tried last even when that one failed, so a chain that
 * found nothing once (an instance role not ready yet) never finds anything again, and two first calls at once can pin
 * the wrong one. Here calls share one flight, and a chain that has not yet worked is built anew; one that has worked
 * stays, so that a passing failure cannot slip to another identity. A flight that lasts longer than `timeoutMs` fails.
 */
export function chain(build: () => Provider, timeoutMs: number): CredentialSource {
  let working: Provider | null = null;
  let flight: Promise<CloudKeys> | null = null;
  const fetchKeys = async (): Promise<CloudKeys> => {
    const provider = working ?? build();
    const keys = keysFrom(await provider.getCredentials());
    working = provider;
    return keys;
  };
  return () => {
    flight ??= before(timeoutMs, fetchKeys()).finally(() => {
      flight = null;
    });
    return flight;
  };
}

async function before<T>(timeoutMs: number, pending: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error('The credentials chain gave no answer in time.')),
    timeoutMs,
  );
  try {
    return await Promise.race([pending, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function keysFrom(value: unknown): CloudKeys {
  const part = (name: string): string => {
    const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    return typeof found === 'string' ? found : '';
  };
  const keys = {
    accessKeyId: part('accessKeyId'),
    accessKeySecret: part('accessKeySecret'),
    securityToken: part('securityToken'),
    providerName: part('providerName'),
  };
  if (keys.accessKeyId === '' || keys.accessKeySecret === '') {
    throw new Error('The credentials provider returned no access key.');
  }
  return keys;
}
