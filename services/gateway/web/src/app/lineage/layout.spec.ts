import { Lineage, Node } from '../api/models';
import { layOut, simplify } from './layout';

const node = (key: string): Node => ({ key, kind: key.split('/')[0] as Node['kind'], id: key.split('/')[1]!, name: null, state: null });
const LINEAGE: Lineage = {
  key: 'model/m',
  nodes: ['alias/a', 'base_model/b', 'dataset/d', 'dataset/d@1', 'evaluation/e', 'job/j', 'model/m'].map(node),
  edges: [
    { source: 'base_model/b', relation: 'fine_tuned', target: 'job/j' },
    { source: 'dataset/d', relation: 'version', target: 'dataset/d@1' },
    { source: 'dataset/d@1', relation: 'trained_on', target: 'job/j' },
    { source: 'dataset/d@1', relation: 'evaluated_on', target: 'evaluation/e' },
    { source: 'job/j', relation: 'produced', target: 'model/m' },
    { source: 'model/m', relation: 'evaluated', target: 'evaluation/e' },
    { source: 'model/m', relation: 'promoted', target: 'alias/a' },
  ],
  truncated: false,
};

describe('layOut', () => {
  it('places every node to the right of all that it was made from', () => {
    const { nodes, edges, columns, rows } = layOut(simplify(LINEAGE));
    expect(Object.fromEntries(nodes.map((placed) => [placed.key, placed.column]))).toEqual({ 'base_model/b': 0, 'dataset/d@1': 0, 'job/j': 1, 'model/m': 2, 'alias/a': 3, 'evaluation/e': 3 });
    expect([columns, rows, edges.length]).toEqual([4, 2, 6]);
    for (const edge of edges) expect(edge.source.column).toBeLessThan(edge.target.column);
  });

  it('keeps a dataset whose lineage it is', () => {
    expect(simplify({ ...LINEAGE, key: 'dataset/d' }).nodes.map((kept) => kept.key)).toContain('dataset/d');
  });

  it('leaves out deployments that have ended', () => {
    const nodes = [...LINEAGE.nodes, { ...node('deployment/old'), state: 'deleted' }, { ...node('deployment/new'), state: 'ready' }];
    const edges = [...LINEAGE.edges, ...['old', 'new'].map((id) => ({ source: 'model/m', relation: 'deployed', target: `deployment/${id}` }))];
    const kept = simplify({ ...LINEAGE, nodes, edges });
    expect(kept.nodes.filter((found) => found.kind === 'deployment').map((found) => found.id)).toEqual(['new']);
    expect(kept.edges.filter((edge) => edge.relation === 'deployed')).toHaveLength(1);
  });

  it('ends at a cycle', () => {
    const cycle = [{ source: 'model/m', relation: 'fine_tuned', target: 'job/j' }, { source: 'job/j', relation: 'produced', target: 'model/m' }];
    expect(layOut({ nodes: [node('job/j'), node('model/m')], edges: cycle }).nodes).toHaveLength(2);
  });
});
