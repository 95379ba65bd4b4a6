import { z } from 'zod';
import { type Opa, runOrThrow } from './opa.ts';

/**
 * Built-ins that the compiled module evaluates itself, and in the same way as OPA. Left out, though native: those that
 * rest on Unicode tables or on a pattern dialect of their own (upper, glob.match), and those that policy has no use
 * for. A host function is never needed: it would be JavaScript's reading of Go's behaviour.
 */
const nativeBuiltins = [
  ['eq', 'assign', 'equal', 'neq', 'lt', 'lte', 'gt', 'gte'],
  ['plus', 'minus', 'mul', 'div', 'rem', 'abs', 'ceil', 'floor', 'round', 'to_number', 'numbers.range'],
  ['count', 'sum', 'max', 'min', 'sort', 'and', 'or', 'intersection', 'union'],
  ['internal.member_2', 'internal.member_3', 'internal.template_string'],
  ['is_array', 'is_boolean', 'is_null', 'is_number', 'is_object', 'is_set', 'is_string', 'type_name'],
  ['array.concat', 'array.slice', 'object.get', 'object.keys', 'object.remove', 'object.union'],
  ['concat', 'contains', 'endswith', 'indexof', 'lower', 'replace', 'split', 'startswith', 'substring'],
  ['strings.replace_n', 'trim', 'trim_prefix', 'trim_space', 'trim_suffix', 'format_int'],
  ['regex.match', 'regex.is_valid', 'net.cidr_contains'],
  ['rego.metadata.chain', 'rego.metadata.rule'],
].flat();

/** `future.keywords.not` is needed wherever `not` is used: without it a negated undefined loses the whole rule. */
const futureKeywords = ['not'];
const features = ['keywords_in_refs', 'rego_v1', 'template_strings'];

const capabilitiesSchema = z.object({ builtins: z.array(z.looseObject({ name: z.string() })) });

/**
 * The text of capabilities.json: what the installed OPA declares, cut down to the lists above. Throws AuthoringError
 * when OPA cannot say, or no longer has one of them.
 */
export async function renderCapabilities(opa: Opa): Promise<string> {
  const text = await runOrThrow(opa, 'opa capabilities', ['capabilities', '--current'], { cwd: '.' });
  const current = capabilitiesSchema.parse(JSON.parse(text));
  const wanted = new Set<string>(nativeBuiltins);
  const builtins = current.builtins.filter((builtin) => wanted.has(builtin.name));
  if (builtins.length !== wanted.size) {
    const missing = [...wanted].filter((name) => !builtins.some((builtin) => builtin.name === name));
    throw new Error(`OPA no longer has the built-ins ${missing.join(', ')}.`);
  }
  const capabilities = { builtins, future_keywords: futureKeywords, features, allow_net: [] };
  return `${JSON.stringify(capabilities, null, 2)}\n`;
}
