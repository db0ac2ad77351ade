// Generates the typed API client (src/app/api) from docs/reference/openapi.json.
import { readFileSync, writeFileSync } from 'node:fs';
import generator from 'ng-openapi-gen';

const { NgOpenApiGen } = generator;

const spec = JSON.parse(readFileSync(new URL('../../../../docs/reference/openapi.json', import.meta.url)));
const schemas = spec.components.schemas;

/** The names of all schemas that `node` references, directly or indirectly. */
function referencedSchemas(node, names = new Set()) {
  for (const [key, value] of Object.entries(node ?? {})) {
    const name = key === '$ref' && String(value).split('/').pop();
    if (name && schemas[name] && !names.has(name)) {
      names.add(name);
      referencedSchemas(schemas[name], names);
    } else if (typeof value === 'object') referencedSchemas(value, names);
  }
  return names;
}

// A default makes a field optional in requests only: schemas used only in responses always have every field.
const operations = Object.values(spec.paths).flatMap((path) => Object.values(path));
const requestSchemas = new Set(operations.flatMap((operation) => [...referencedSchemas(operation.requestBody)]));
for (const [name, schema] of Object.entries(schemas)) {
  if (!requestSchemas.has(name) && schema.properties) schema.required = Object.keys(schema.properties);
}

new NgOpenApiGen(spec, { output: 'src/app/api', services: true, ignoreUnusedModels: false, silent: true }).generate();

// The ranges of the playground's sampling parameters.
const ranges = Object.entries(schemas.ChatRequest.properties).map(([name, schema]) => {
  const { type, minimum, exclusiveMinimum, maximum } = (schema.anyOf ?? [schema]).find((choice) => choice.type !== 'null');
  return [name, { minimum, exclusiveMinimum, maximum, integer: type === 'integer' || undefined }];
});
const declared = 'export interface Range { minimum?: number; exclusiveMinimum?: number; maximum?: number; integer?: boolean }\n';
const limited = Object.fromEntries(ranges.filter(([, { minimum, exclusiveMinimum, maximum }]) => [minimum, exclusiveMinimum, maximum].some((limit) => limit !== undefined)));
writeFileSync('src/app/api/sampling-ranges.ts', `${declared}export const SAMPLING_RANGES: Record<string, Range> = ${JSON.stringify(limited)};\n`);
