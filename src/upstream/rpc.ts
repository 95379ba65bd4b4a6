import { randomUUID } from 'node:crypto';
import alibabaCredentials from '@alicloud/credentials';
import openapi, { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { OperatorError } from '../errors.ts';
import { failPoint } from '../fail-point.ts';
import { classifyResolved, classifyThrown } from './classify.ts';
import type { CloudKeys, CredentialSource } from './credentials.ts';
import { type EndpointSettings, endpointFor, endpointProblems } from './endpoints.ts';
import type { NotSentReply, Rpc, RpcCall, RpcReply } from './reply.ts';
import { createWireWatch } from './wire-watch.ts';

/** No answer that Portcullis asks for comes near this; a larger one is not read to its end. */
const maxAnswerBytes = 8 * 1024 * 1024;

export type RpcSettings = {
  /** The only regions that are ever called. */
  regions: readonly string[];
  endpoints: EndpointSettings;
  /** Milliseconds until a connection must stand, name resolution included. */
  connectTimeoutMs: number;
  /** Milliseconds that one attempt may take at most, whatever a call allows itself. */
  readTimeoutMs: number;
};

/**
 * The official client (ACS3-HMAC-SHA256), one attempt a call, with a reply that keeps apart what certainly was not
 * sent, what the cloud refused and what nobody can tell. Throws Error when the settings cannot be used, all reasons
 * at once. Dispose it to stop watching the wire.
 */
export function createRpc(settings: RpcSettings, credentials: CredentialSource): { rpc: Rpc } & Disposable {
  const problems = endpointProblems(settings.endpoints, settings.regions);
  if (problems.length > 0) throw new OperatorError(problems.join('\n'));
  const allowed = new Set(settings.regions);
  const watch = createWireWatch();

  async function rpc(call: RpcCall): Promise<RpcReply> {
    if (!allowed.has(call.regionId)) {
      return notSent('region_not_allowed', 'the region is not in the configured list');
    }
    if (call.signal.aborted) return notSent('aborted_before_sending', 'aborted');
    const keys = await withinLimit(credentials, call);
    if ('kind' in keys) return keys;
    const endpoint = endpointFor(settings.endpoints, call.service, call.regionId);
    const timeoutMs = Math.max(1, Math.min(call.timeoutMs, settings.readTimeoutMs));
    const nonce = randomUUID();
    const limits = { connectTimeoutMs: settings.connectTimeoutMs, timeoutMs, maxBytes: maxAnswerBytes };
    // Nothing is awaited between here and the client's own signing, which takes well under a millisecond.
    if (call.mayLeave !== null) {
      if (!call.mayLeave())
        return notSent('permission_over', 'the lease or the trust in the token has ended');
      failPoint('call-before-write');
    }
    using watched = watch.watch(nonce, limits, call.signal);
    try {
      const client = new openapi.default(
        new Config({
          endpoint: endpoint.host,
          protocol: endpoint.protocol,
          regionId: call.regionId,
          credential: signer(keys),
          userAgent: 'portcullis',
        }),
      );
      const value = await client.callApi(
        new Params({
          action: call.action,
          version: call.version,
          protocol: 'HTTPS',
          pathname: '/',
          method: 'POST',
          authType: 'AK',
          style: 'RPC',
          reqBodyType: 'formData',
          bodyType: 'json',
        }),
        new OpenApiRequest({
          query: { ...call.parameters },
          headers: { 'x-acs-signature-nonce': nonce },
        }),
        // What the client calls connectTimeout goes on counting after the connection, as an idle timeout: left at its
        // default of 3 s it cuts slower answers. The watch keeps the real limit on connecting.
        new RuntimeOptions({ connectTimeout: timeoutMs, readTimeout: timeoutMs, autoretry: false }),
      );
      return classifyResolved(value, watched.trace, call.regionId);
    } catch (error) {
      return classifyThrown(error, watched.trace, [
        keys.accessKeySecret,
        keys.securityToken,
        keys.accessKeyId,
      ]);
    }
  }
  return { rpc, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

/** The keys, or the reply when they cannot be had before the call's time is over. */
async function withinLimit(
  credentials: CredentialSource,
  { timeoutMs, signal }: RpcCall,
): Promise<CloudKeys | NotSentReply> {
  const { promise: over, resolve } = Promise.withResolvers<NotSentReply>();
  const onAbort = (): void => resolve(notSent('aborted_before_sending', 'aborted'));
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => resolve(notSent('credentials_unavailable', 'timeout')), timeoutMs);
  try {
    return await Promise.race([credentials(), over]);
  } catch (error) {
    // Only the name: the chain joins the messages of all its providers, and these quote answers and files.
    return notSent('credentials_unavailable', error instanceof Error ? error.name : 'unknown error');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Hands the client the keys already fetched, so that nothing but the call itself can fail inside it. */
function signer(keys: CloudKeys) {
  return new alibabaCredentials.default(null, {
    getCredentials: () => Promise.resolve(keys),
    getProviderName: () => 'portcullis',
  });
}

function notSent(reason: NotSentReply['reason'], cause: string): NotSentReply {
  return { kind: 'not_sent', reason, cause };
}
