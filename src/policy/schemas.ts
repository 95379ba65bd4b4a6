import { readFile } from 'node:fs/promises';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Json } from './plain-json.ts';

/** Says what is wrong with a value, by place and never by value, or null. */
export type FormCheck = (value: Json) => string | null;

/** The forms of both inputs and of the parameters. */
export type PolicySchemas = { admission: FormCheck; decision: FormCheck; data: FormCheck };

/** Compiles the JSON schemas (draft 7) of the given folder. Rejects when one is missing or uses an unknown keyword. */
export async function loadSchemas(directory: URL): Promise<PolicySchemas> {
  const ajv = new Ajv({ strict: true, messages: true });
  const compile = async (name: string): Promise<FormCheck> => {
    const schema: unknown = JSON.parse(await readFile(new URL(`${name}.schema.json`, directory), 'utf8'));
    if (typeof schema !== 'object' || schema === null)
      throw new TypeError(`${name}.schema.json is no schema`);
    return asCheck(ajv.compile(schema));
  };
  const [admission, decision, data] = await Promise.all([
    compile('admission-input'),
    compile('decision-input'),
    compile('data'),
  ]);
  return { admission, decision, data };
}

function asCheck(validate: ValidateFunction): FormCheck {
  return (value) => {
    if (validate(value)) return null;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath || 'the whole'} ${error?.message ?? 'is not of the expected form'}`;
  };
}
