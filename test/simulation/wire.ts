import type { Rpc, RpcCall, RpcReply } from '../../src/upstream/reply.ts';
import type { Choices } from './choices.ts';
import type { Cloud } from './cloud.ts';
import type { Process, Weather } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** The longest that a request is under way before it takes effect. */
export const longestUnderWayMs = 45_000;

type Deps = {
  scheduler: Scheduler;
  choices: Choices;
  weather: Weather;
  cloud: Cloud;
  /** Bytes of a deletion leave a process. */
  onSend: (process: Process, gatewayId: string, clientToken: string) => void;
  trace: (text: () => string) => void;
};

/** What can happen to a request; null is an answer that never comes. `act` has the cloud do what is asked. */
type Trouble = (act: () => RpcReply, cloud: Cloud, choices: Choices) => RpcReply | null;

const throttled: Trouble = (_, cloud, choices) => cloud.refused(choices.pick([400, 503]), 'Throttling.User');
const failedBefore: Trouble = (_, cloud) => cloud.refused(503, 'ServiceUnavailable');
const requestLost: Trouble = () => null;
const answerLost: Trouble = (act) => {
  act();
  return null;
};
/** Takes its time, and takes effect when whoever sent it has given up. */
const late: Trouble = (...args) => answerLost(...args);
const noConnection: Trouble = () => null;

const troubles: readonly [Trouble, ...Trouble[]] = [
  answerLost,
  late,
  late,
  requestLost,
  noConnection,
  failedBefore,
  throttled,
  (act, cloud, choices) => {
    act();
    return cloud.refused(choices.pick([500, 503, 400]), 'InternalError');
  },
  (_, cloud) => cloud.refused(500, 'InternalError'),
  (_, cloud, choices) => cloud.refused(400, choices.pick(['TaskConflict', 'VpnGateway.Configuring'])),
  // A proxy on the way sent it twice, and the second answer came through.
  (act, cloud) => {
    act();
    return cloud.refused(400, 'SignatureNonceUsed');
  },
  (act, cloud, choices) => {
    if (choices.chance(128)) act();
    return cloud.refused(400, 'Something.Else');
  },
  ...(['connection_lost', 'unreadable', 'no_request_id'] as const).map(
    (reason): Trouble =>
      (act) => {
        act();
        return ambiguous(reason);
      },
  ),
];
const readTroubles: readonly [Trouble, ...Trouble[]] = [
  requestLost,
  failedBefore,
  throttled,
  noConnection,
  () => ambiguous('unreadable'),
];
const readTimeoutMs = 8_000;

/** The way from a process to the cloud and back. */
export function createWire(deps: Deps): (process: Process) => Rpc {
  const { scheduler, choices, weather, cloud, trace } = deps;

  function delay(): number {
    return choices.chance(weather.slowness)
      ? choices.pick([300, 2_000, 7_000, 9_000])
      : choices.pick([5, 10, 20, 40, 80, 160]);
  }

  function troubleOf(changes: boolean): Trouble | null {
    const mood = cloud.mood();
    if (mood === 'throttling') return throttled;
    if (mood === 'failing') return failedBefore;
    if (mood === 'blind' && !changes) return requestLost;
    if (!choices.chance(changes ? weather.cloudTrouble : weather.cloudTrouble / 4)) return null;
    return choices.pick(changes ? troubles : readTroubles);
  }

  return (process) => (call) =>
    new Promise((resolve) => {
      const changes = call.mayLeave !== null;
      const trouble = troubleOf(changes);
      let over = false;
      const end = (reply: RpcReply) => {
        over = true;
        timeout.cancel();
        resolve(reply);
      };
      const timeout = scheduler.after(Math.min(call.timeoutMs, readTimeoutMs), () =>
        process.deliver(() => end(ambiguous('timeout'))),
      );
      scheduler.after(changes ? delay() : 0, () => process.deliver(leave));

      function leave(): void {
        if (over) return;
        if (trouble === noConnection) end(notSent('no_connection'));
        else if (call.mayLeave?.() === false) end(notSent('permission_over'));
        else {
          if (changes) deps.onSend(process, ...target(call));
          scheduler.after(
            trouble === late ? choices.pick([1_000, 9_000, 25_000, longestUnderWayMs]) : delay(),
            arrive,
          );
          if (changes && choices.chance(weather.suddenDeath)) process.kill();
        }
      }

      function arrive(): void {
        const act = () => (changes ? cloud.delete(...target(call)) : cloud.describe(call));
        const reply = trouble === null ? act() : trouble(act, cloud, choices);
        if (trouble !== null) trace(() => `cloud: ${call.action} is answered ${told(reply)}`);
        if (reply !== null) scheduler.after(delay(), () => process.deliver(() => end(reply)));
      }
    });
}

function target({ parameters }: RpcCall): [gatewayId: string, clientToken: string] {
  return [parameters.VpnGatewayId ?? '', parameters.ClientToken ?? ''];
}

function told(reply: RpcReply | null): string {
  if (reply === null) return 'nothing';
  return reply.kind === 'refused' ? `${reply.httpStatus} ${reply.code}` : reply.kind;
}

function notSent(reason: 'no_connection' | 'permission_over'): RpcReply {
  return { kind: 'not_sent', reason, cause: 'simulated' };
}

function ambiguous(reason: 'timeout' | 'connection_lost' | 'unreadable' | 'no_request_id'): RpcReply {
  return { kind: 'ambiguous', reason, cause: 'simulated', httpStatus: null, requestId: null };
}
