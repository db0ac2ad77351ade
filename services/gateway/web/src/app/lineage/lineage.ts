/** The lineage of one resource: a graph from left to right, and the same as a table. */
import { Component, computed, inject, input, linkedSignal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { MatButton } from '@angular/material/button';
import { MatFormFieldModule } from '@angular/material/form-field';
import { MatInput } from '@angular/material/input';
import { Router, RouterLink } from '@angular/router';

import { SystemService } from '../api/services';
import { EmptyState } from '../elements/empty-state';
import { Icon } from '../elements/icon';
import { ProblemCard } from '../elements/problem-card';
import { Skeleton } from '../elements/skeleton';
import { StateBadge } from '../elements/state-badge';
import { injectQuery } from '../platform/query';
import { withRemedy } from '../platform/remedies';
import { layOut, PlacedEdge, PlacedNode, simplify } from './layout';
import { kindLabel, nodeLabel, nodeLink, relationLabel } from './nodes';

/** Of a node and the space after it, in rem; lineage.scss has the same node. */
const NODE = { width: 11.5, height: 3.6 };
const GAP = { width: 3, height: 0.9 };

@Component({
  selector: 'an-lineage',
  imports: [EmptyState, FormsModule, Icon, MatButton, MatFormFieldModule, MatInput, ProblemCard, RouterLink, Skeleton, StateBadge],
  templateUrl: './lineage.html',
  styleUrl: './lineage.scss',
})
export class LineagePage {
  /** Of any resource, from the query parameter. */
  readonly id = input<string>();
  private readonly system = inject(SystemService);
  private readonly router = inject(Router);
  protected readonly kindLabel = kindLabel;
  protected readonly nodeLabel = nodeLabel;
  protected readonly nodeLink = nodeLink;
  protected readonly relationLabel = relationLabel;
  protected readonly text = linkedSignal(() => this.id() ?? '');
  protected readonly lineage = injectQuery(() => {
    const id = this.id();
    return id ? { key: `lineage/${id}`, fetch: () => this.system.showLineage({ id }) } : undefined;
  });
  protected readonly problem = computed(() => {
    const problem = this.lineage.problem();
    return problem && withRemedy(problem, { not_found: 'Copy the ID from a page, such as a model’s. A dataset, job or model has a lineage once it is used or finished.' });
  });
  protected readonly layout = computed(() => layOut(simplify(this.lineage.value() ?? { key: '', nodes: [], edges: [], truncated: false })));
  protected readonly size = computed(() => ({
    width: this.layout().columns * (NODE.width + GAP.width) - GAP.width,
    height: Math.max(1, this.layout().rows) * (NODE.height + GAP.height) - GAP.height,
  }));

  protected left(node: PlacedNode): number {
    return node.column * (NODE.width + GAP.width);
  }

  protected top(node: PlacedNode): number {
    return node.row * (NODE.height + GAP.height);
  }

  /** A curve from the right side of the source to the left side of the target. */
  protected path({ source, target }: PlacedEdge): string {
    const [x1, y1] = [this.left(source) + NODE.width, this.top(source) + NODE.height / 2];
    const [x2, y2] = [this.left(target), this.top(target) + NODE.height / 2];
    const bend = GAP.width / 2;
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }

  protected find(): void {
    void this.router.navigate([], { queryParams: { id: this.text().trim() } });
  }
}
