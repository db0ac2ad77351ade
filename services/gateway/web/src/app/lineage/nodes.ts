/** What the lineage calls its nodes and relations, and the page of each node. */
import { Node } from '../api/models';

const KINDS: Record<Node['kind'], string> = {
  dataset: 'Dataset',
  base_model: 'Base model',
  job: 'Training job',
  checkpoint: 'Checkpoint',
  model: 'Model',
  evaluation: 'Evaluation',
  export: 'Export',
  deployment: 'Deployment',
  alias: 'Alias',
};

const RELATIONS: Record<string, string> = {
  version: 'has the version',
  rated_in: 'has answers rated in',
  edited: 'was edited into',
  trained_on: 'was trained on by',
  validated_on: 'was validated on by',
  fine_tuned: 'was fine-tuned by',
  reproduced: 'was reproduced by',
  checkpoint: 'stored',
  produced: 'produced',
  evaluated: 'was evaluated in',
  evaluated_on: 'was evaluated on in',
  exported: 'was exported as',
  deployed: 'was deployed as',
  created: 'was the first model of',
  promoted: 'was promoted to',
  rolled_back_to: 'was rolled back to by',
};

export function kindLabel(node: Node): string {
  return node.kind === 'dataset' && node.id.includes('@') ? 'Dataset version' : KINDS[node.kind];
}

/** The name, or the id where there is none. */
export function nodeLabel(node: Node): string {
  const [, version] = node.id.split('@');
  if (node.kind === 'checkpoint') return `Step ${version}`;
  const name = node.name ?? node.id;
  return node.kind === 'dataset' && version && node.name ? `${name}@${version}` : name;
}

export function relationLabel(relation: string): string {
  return RELATIONS[relation] ?? relation.replaceAll('_', ' ');
}

/** The router link to the node's page; undefined for what was deleted. */
export function nodeLink(node: Node): string[] | undefined {
  if (node.state === 'deleted') return undefined;
  switch (node.kind) {
    case 'dataset': return ['/datasets', node.id.split('@')[0]!];
    case 'job':
    case 'checkpoint': return ['/jobs', node.id.split('@')[0]!];
    case 'model': return ['/models', node.id];
    case 'evaluation': return ['/evaluations', node.id];
    case 'alias': return ['/aliases', node.id];
    case 'export': return ['/exports'];
    default: return ['/models'];
  }
}
