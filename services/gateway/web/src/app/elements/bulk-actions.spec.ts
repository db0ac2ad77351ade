import { Lineage, Node } from '../api/models';
import { dependantsOf } from './bulk-actions';

const node = (key: string, state = 'ready') => ({ key, id: key, kind: 'model', name: key, state }) as Node;

describe('dependantsOf', () => {
  it('follows what was made from a resource, and leaves out what is deleted or what it was made from', () => {
    const edges = [['data', 'job'], ['job', 'model'], ['model', 'gone'], ['base', 'job']].map(([source, target]) => ({ source: source!, target: target!, relation: '' }));
    const lineage: Lineage = { key: 'data', nodes: [node('data'), node('base'), node('job'), node('model'), node('gone', 'deleted')], edges, truncated: false };
    expect(dependantsOf(lineage).map(({ key }) => key)).toEqual(['job', 'model']);
  });
});
