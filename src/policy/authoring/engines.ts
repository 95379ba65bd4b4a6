import { z } from 'zod';
import { entrypoints } from '../bundle.ts';
import { createEngine } from '../engine.ts';
import { compileModule } from '../module.ts';
import { plainJson } from '../plain-json.ts';
import { policyOptions } from '../runtime.ts';
import type { Members } from './archive.ts';
import { AuthoringError, type Opa, runOrThrow } from './opa.ts';
import { readSources } from './sources.ts';

/** What is asked of a policy; `data` is a whole data document as data.json. */
export type Question = { entrypoint: 'admission' | 'decision'; input: unknown; data: unknown };

const answersSchema = z.object({
  result: z.tuple([
    z.object({ expressions: z.tuple([z.object({ value: z.array(z.array(z.unknown()).max(1)) })]) }),
  ]),
});
const parametersSchema = z.object({ portcullis: z.object({ parameters: z.unknown() }) });

// The values of `with` are variables on purpose: OPA 1.22.2 takes `with input as question.input` for undefined here.
const query = `[answer |
  some question in input
  given := question.input
  parameters := question.parameters
  answer := array.concat(
    [a | question.entrypoint == "admission"; a := data.portcullis.admission with input as given with data.portcullis.parameters as parameters],
    [d | question.entrypoint == "decision"; d := data.portcullis.decision with input as given with data.portcullis.parameters as parameters],
  )
]`;

/**
 * Asks OPA itself, in Go, from the sources: all questions in one run. An answer is what the entrypoint returned,
 * undefined where it returned nothing. Throws AuthoringError when OPA fails.
 */
export async function askOpa(dir: string, opa: Opa, questions: readonly Question[]): Promise<unknown[]> {
  const rego = (await readSources(dir)).filter((file) => file.path.endsWith('.rego'));
  const asked = questions.map(({ entrypoint, input, data }) => {
    const parsed = parametersSchema.safeParse(data);
    return {
      entrypoint,
      input,
      parameters: parsed.success ? (parsed.data.portcullis.parameters ?? null) : {},
    };
  });
  const text = await runOrThrow(
    opa,
    'opa eval',
    ['eval', '--format', 'json', '--stdin-input', ...rego.flatMap((file) => ['-d', file.path]), query],
    { cwd: dir, stdin: JSON.stringify(asked) },
  );
  const answers = answersSchema.parse(JSON.parse(text)).result[0].expressions[0].value;
  return answers.map((answer) => answer[0]);
}

/**
 * Asks the compiled module in WASM, by the engine that the gateway uses but without its check of the input's form. An
 * answer is what the entrypoint returned; an evaluation that fails rejects. Throws AuthoringError when the bundle has
 * no module.
 */
export async function askWasm(members: Members, questions: readonly Question[]): Promise<unknown[]> {
  const wasm = members.get('/policy.wasm');
  if (wasm === undefined) throw new AuthoringError('The bundle holds no policy.wasm.');
  const { memory } = policyOptions;
  const module = await compileModule(wasm, memory);
  const engines = new Map<unknown, ReturnType<typeof createEngine>>();
  return questions.map(({ entrypoint, input, data }) => {
    const engine = engines.get(data) ?? createEngine(module, plainJson(data), memory);
    engines.set(data, engine);
    return engine.evaluate(entrypoints[entrypoint], plainJson(input));
  });
}
