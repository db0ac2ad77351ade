// Writes the typed client (src/app/api) from the API description that the platform gives of itself.
import { readFileSync } from 'node:fs';
import generator from 'ng-openapi-gen';

const { NgOpenApiGen } = generator;

const description = JSON.parse(readFileSync(new URL('../../../../docs/reference/openapi.json', import.meta.url)));
const schemas = description.components.schemas;

/** Names of the schemas below `node`. */
function referenced(node, found = new Set()) {
  for (const [key, value] of Object.entries(node ?? {})) {
    const name = key === '$ref' && String(value).split('/').pop();
    if (name && schemas[name] && !found.has(name)) {
      found.add(name);
      referenced(schemas[name], found);
    } else if (typeof value === 'object') referenced(value, found);
  }
  return found;
}

// What only answers contain is always complete: a default does not make its member optional.
const operations = Object.values(description.paths).flatMap((path) => Object.values(path));
const sent = new Set(operations.flatMap((operation) => [...referenced(operation.requestBody)]));
for (const [name, schema] of Object.entries(schemas)) {
  if (!sent.has(name) && schema.properties) schema.required = Object.keys(schema.properties);
}

new NgOpenApiGen(description, { output: 'src/app/api', services: true, ignoreUnusedModels: false, silent: true }).generate();
