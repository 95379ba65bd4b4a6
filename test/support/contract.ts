import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { z } from 'zod';
import { contractFile } from '../../src/package-files.ts';

const header = z.object({ required: z.boolean().optional(), schema: z.unknown() });
const response = z.object({
  $ref: z.string().optional(),
  description: z.string().optional(),
  headers: z.record(z.string(), z.union([header, z.object({ $ref: z.string() })])).optional(),
  content: z.record(z.string(), z.unknown()).optional(),
});
const operation = z.object({ responses: z.record(z.string(), response) });
const contractSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({
    responses: z.record(z.string(), response),
    headers: z.record(z.string(), header),
    schemas: z.looseObject({ ProblemCode: z.object({ enum: z.array(z.string()) }) }),
  }),
});

const document: unknown = parse(readFileSync(contractFile, 'utf8'));
/** openapi.yaml, as far as the tests read it. */
export const contract = contractSchema.parse(document);

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(document as object, 'contract');
const compiled = new Map<string, ValidateFunction>();

export type Answer = {
  method: string;
  path: string;
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  body: unknown;
};

/** Every pair of operation and status that was ever held against the contract in this process. */
export const seen = new Set<string>();

/** Asserts that an answer is one that the contract states: route, status, headers, media type, and body. */
export function assertContract(answer: Answer): void {
  const what = `${answer.method} ${answer.path} → ${answer.status}`;
  const template = templateOf(answer.path);
  const [place, described] = responseOf(template, answer, what);
  seen.add(`${answer.method} ${template ?? '(no route)'} ${answer.status}`);
  for (const [name, stated] of Object.entries(described.headers ?? {})) {
    const reference = '$ref' in stated ? stated.$ref : null;
    const declared =
      reference === null ? header.parse(stated) : contract.components.headers[lastOf(reference)];
    const value = answer.headers[name.toLowerCase()];
    assert.ok(declared !== undefined, `${what}: the contract's header ${name} is not declared`);
    if (value === undefined) assert.ok(declared.required !== true, `${what}: header ${name} is missing`);
    else assert.ok(ajv.validate(declared.schema as object, value), `${what}: header ${name} is ${value}`);
  }
  const mediaType = (answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  assert.ok(
    Object.hasOwn(described.content ?? {}, mediaType),
    `${what}: ${mediaType} is not among ${Object.keys(described.content ?? {}).join(', ')}`,
  );
  const validate = validatorAt(`${place}/content/${pointer(mediaType)}/schema`);
  assert.ok(
    validate(answer.body),
    `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(answer.body, null, 1)}`,
  );
}

function responseOf(
  template: string | null,
  answer: Answer,
  what: string,
): [string, z.infer<typeof response>] {
  if (template === null) return resolve('#/components/responses/RouteNotFound', answer.status === 404, what);
  const operations = contract.paths[template] ?? {};
  const stated = operations[answer.method.toLowerCase()];
  // A method that the path does not take: any operation of the path states what is answered then.
  const described = (stated ?? Object.values(operations)[0])?.responses[
    String(stated === undefined ? 405 : answer.status)
  ];
  assert.ok(described !== undefined, `${what} is not in the contract`);
  if (described.$ref !== undefined) return resolve(described.$ref, true, what);
  const method = stated === undefined ? Object.keys(operations)[0] : answer.method.toLowerCase();
  return [`#/paths/${pointer(template)}/${method}/responses/${answer.status}`, described];
}

function resolve(reference: string, applies: boolean, what: string): [string, z.infer<typeof response>] {
  const shared = contract.components.responses[lastOf(reference)];
  assert.ok(applies && shared !== undefined, `${what} is not in the contract`);
  return [reference, shared];
}

function templateOf(path: string): string | null {
  const [bare = ''] = path.split('?');
  const matches = (template: string) =>
    new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare);
  return Object.keys(contract.paths).find(matches) ?? null;
}

function validatorAt(place: string): ValidateFunction {
  const known = compiled.get(place);
  if (known !== undefined) return known;
  const made = ajv.compile({ $ref: `contract${place}` });
  compiled.set(place, made);
  return made;
}

function lastOf(reference: string): string {
  return reference.split('/').at(-1) ?? '';
}

function pointer(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}
