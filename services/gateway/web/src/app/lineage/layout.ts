/** Places the nodes of a lineage in columns: every node is to the right of all that it was made from. */
import { Lineage, Node } from '../api/models';

export interface PlacedNode extends Node {
  column: number;
  row: number;
}

export interface PlacedEdge {
  source: PlacedNode;
  relation: string;
  target: PlacedNode;
}

export interface Layout {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  columns: number;
  rows: number;
}

/** The lineage without datasets that have a version in it, which names them, and without deployments that have ended. */
export function simplify(lineage: Lineage): Pick<Lineage, 'nodes' | 'edges'> {
  const versioned = lineage.edges.filter((edge) => edge.relation === 'version').map((edge) => edge.source);
  const ended = lineage.nodes.filter((node) => node.kind === 'deployment' && node.state === 'deleted').map((node) => node.key);
  const hidden = new Set([...versioned, ...ended].filter((key) => key !== lineage.key));
  return { nodes: lineage.nodes.filter((node) => !hidden.has(node.key)), edges: lineage.edges.filter((edge) => !hidden.has(edge.source) && !hidden.has(edge.target)) };
}

/** Columns by the longest path from a root; in each column, nodes follow the mean row of what they were made from. */
export function layOut({ nodes, edges }: Pick<Lineage, 'nodes' | 'edges'>): Layout {
  const sources = new Map(nodes.map((node) => [node.key, edges.filter((edge) => edge.target === node.key).map((edge) => edge.source)]));
  const columns = longestPaths(sources);
  const placed = new Map<string, PlacedNode>();
  const count = Math.max(0, ...columns.values()) + 1;
  let rows = 0;
  for (let column = 0; column < count; column++) {
    const meanRow = (node: Node) => mean((sources.get(node.key) ?? []).map((key) => placed.get(key)?.row ?? 0));
    const members = nodes.filter((node) => columns.get(node.key) === column).sort((a, b) => meanRow(a) - meanRow(b) || a.key.localeCompare(b.key));
    members.forEach((node, row) => placed.set(node.key, { ...node, column, row }));
    rows = Math.max(rows, members.length);
  }
  const placedEdges = edges.flatMap(({ source, relation, target }) => {
    const [from, to] = [placed.get(source), placed.get(target)];
    return from && to ? [{ source: from, relation, target: to }] : [];
  });
  return { nodes: [...placed.values()], edges: placedEdges, columns: count, rows };
}

/** The number of edges on the longest path to each node. A lineage has no cycle; one would end at its first repetition. */
function longestPaths(sources: Map<string, string[]>): Map<string, number> {
  const lengths = new Map<string, number>();
  const visit = (key: string, path: Set<string>): number => {
    const known = lengths.get(key);
    if (known !== undefined || path.has(key)) return known ?? 0;
    const inner = new Set(path).add(key);
    const length = Math.max(0, ...(sources.get(key) ?? []).map((source) => visit(source, inner) + 1));
    lengths.set(key, length);
    return length;
  };
  for (const key of sources.keys()) visit(key, new Set());
  return lengths;
}

function mean(values: number[]): number {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
}
