// Generates the typed API client (src/app/api) from docs/reference/openapi.json.
import { readFileSync } from 'node:fs';
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
