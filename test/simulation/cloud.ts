import type { RpcCall, RpcReply } from '../../src/upstream/reply.ts';
import type { Choices } from './choices.ts';
import type { Scheduler } from './scheduler.ts';

/** A gateway as it stands in the cloud. */
export type Gateway = {
  id: string;
  status: 'active' | 'deleting' | 'gone';
  /** How often its deletion began, by whomever. */
  deletions: number;
};

/** What the cloud answers to everyone for a while. */
export type Mood = 'well' | 'configuring' | 'throttling' | 'failing' | 'blind';

/** The cloud behind the wire: whatever it says is true. */
export type Cloud = {
  gateway(id: string): Gateway;
  /** Does what a deletion asks, now that it has arrived. */
  delete(id: string, clientToken: string): RpcReply;
  describe(call: RpcCall): RpcReply;
  refused(httpStatus: number, code: string): RpcReply;
  /** Someone else deletes it, past Portcullis. */
  deleteFromOutside(id: string): void;
  mood(): Mood;
  setMood(mood: Mood): void;
};

/** What is true of the cloud of one run. */
export type CloudTraits = {
  /** How long it knows a ClientToken that it acted on, milliseconds. */
  tokenLifeMs: number;
  /** Whether it says of a gateway that is gone that there is none, though the ClientToken is that of its deletion. */
  looksBeforeTokens: boolean;
  deletionTakesMs: number;
  /** Whether a deletion that began can come to nothing. */
  deletionsCanFail: boolean;
};

export const notFound = 'InvalidVpnGatewayInstanceId.NotFound';

type Deps = {
  scheduler: Scheduler;
  choices: Choices;
  traits: CloudTraits;
  /** The cloud begins a deletion. */
  onEffect: (gatewayId: string, clientToken: string) => void;
  trace: (text: () => string) => void;
};

export function createCloud({ scheduler, choices, traits, onEffect, trace }: Deps): Cloud {
  const gateways = new Map<string, Gateway>();
  const tokens = new Map<string, { requestId: string; untilMs: number }>();
  let mood: Mood = 'well';
  let requests = 0;

  function gateway(id: string): Gateway {
    const known = gateways.get(id) ?? { id, status: 'active', deletions: 0 };
    gateways.set(id, known);
    return known;
  }

  function beginDeletion(found: Gateway): void {
    found.status = 'deleting';
    found.deletions += 1;
    const fails = traits.deletionsCanFail && choices.chance(60);
    scheduler.after(traits.deletionTakesMs, () => {
      found.status = fails ? 'active' : 'gone';
      trace(() => `cloud: ${found.id} is ${found.status}`);
    });
  }

  function nextRequestId(): string {
    requests += 1;
    return `request-${requests}`;
  }

  function ok(requestId: string, body: Record<string, unknown> = {}): RpcReply {
    return { kind: 'ok', requestId, regionId: 'cn-hangzhou', body };
  }

  function refused(httpStatus: number, code: string): RpcReply {
    const requestId = nextRequestId();
    return { kind: 'refused', httpStatus, code, message: 'simulated', requestId, retryAfterMs: null };
  }

  return {
    gateway,
    refused,
    delete(id, clientToken) {
      const found = gateway(id);
      const known = tokens.get(clientToken);
      const remembered = known !== undefined && scheduler.now() < known.untilMs;
      if (remembered && !(traits.looksBeforeTokens && found.status === 'gone')) return ok(known.requestId);
      if (found.status === 'gone') return refused(404, notFound);
      if (found.status === 'deleting') return refused(400, 'TaskConflict');
      if (mood === 'configuring') return refused(400, 'VpnGateway.Configuring');
      const requestId = nextRequestId();
      tokens.set(clientToken, { requestId, untilMs: scheduler.now() + traits.tokenLifeMs });
      beginDeletion(found);
      onEffect(id, clientToken);
      return ok(requestId);
    },
    describe({ action, parameters }) {
      const id = parameters.VpnGatewayId ?? '';
      if (action === 'DescribeVpnConnections')
        return ok(nextRequestId(), { TotalCount: 0, PageNumber: 1, VpnConnections: { VpnConnection: [] } });
      const { status } = gateway(id);
      if (status === 'gone') return refused(404, notFound);
      // The name tells the policy, and with it the observer, when this was true.
      return ok(nextRequestId(), { VpnGatewayId: id, Name: String(scheduler.now()), Status: status });
    },
    deleteFromOutside(id) {
      const found = gateway(id);
      if (found.status === 'active') beginDeletion(found);
    },
    mood: () => mood,
    setMood: (to) => {
      mood = to;
    },
  };
}
