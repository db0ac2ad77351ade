/** The columns and filters of the table of evaluations; each score is a column. */
import { EvaluationView } from '../api/models';
import { formatCount, formatDuration, formatMetric, sentenceCase } from '../elements/format';
import { Column, Filter, numberColumn, stateColumn, textColumn, timeColumn } from '../table/columns';
import { isLowerBetter, metricLabel, orderScores } from './metrics';

/** Names by id. */
export interface Names {
  model: ReadonlyMap<string, string>;
  dataset: ReadonlyMap<string, string>;
}

/** What a deletion says. */
export const DELETION = { noun: 'evaluation', text: 'Its scores and answers are deleted. The model and the dataset stay.' };

const modelOf = ({ model }: Names, { model_id }: EvaluationView) => model.get(model_id) ?? model_id;
/** The dataset, or the task of an import. */
const datasetOf = ({ dataset }: Names, { dataset_id, imported }: EvaluationView) => (imported ? `${imported.task} (${imported.source})` : (dataset.get(dataset_id ?? '') ?? dataset_id ?? ''));

export function evaluationColumns(names: Names, scores: readonly string[]): Column<EvaluationView>[] {
  return [
    textColumn('model', 'Model', (evaluation) => modelOf(names, evaluation), { link: (evaluation) => ['/evaluations', evaluation.id] }),
    stateColumn((evaluation) => evaluation.state, (evaluation) => evaluation.warnings),
    // A deleted dataset has no page.
    textColumn('data', 'Dataset', (evaluation) => datasetOf(names, evaluation), { link: (evaluation) => (names.dataset.has(evaluation.dataset_id ?? '') ? ['/datasets', evaluation.dataset_id] : undefined) }),
    textColumn('split', 'Split', (evaluation) => evaluation.split, { format: sentenceCase }),
    numberColumn('rows', 'Rows', (evaluation) => evaluation.rows, formatCount),
    mainScore(),
    ...scores.map((score) => numberColumn<EvaluationView>(score, metricLabel(score), (evaluation) => evaluation.scores[score])),
    ...scores.map((score) => numberColumn<EvaluationView>(`base_${score}`, `Base ${metricLabel(score)}`, (evaluation) => evaluation.base_scores[score])),
    numberColumn('duration', 'Duration', (evaluation) => evaluation.seconds || null, formatDuration),
    timeColumn('created', 'Created', (evaluation) => evaluation.created_at),
  ];
}

/** The most telling score. The best is the highest value, whichever direction the score has. */
function mainScore(): Column<EvaluationView> {
  const found = ({ scores, lower_is_better }: EvaluationView) => {
    const [name] = orderScores(Object.keys(scores));
    return name === undefined ? undefined : { name, score: scores[name]!, sign: isLowerBetter(name) || lower_is_better.includes(name) ? -1 : 1 };
  };
  return {
    name: 'headline',
    label: 'Main score',
    numeric: true,
    first: ['worst first', 'best first'],
    kind: 'custom',
    value: (evaluation) => {
      const main = found(evaluation);
      return main ? main.sign * main.score : null;
    },
    text: (evaluation) => {
      const main = found(evaluation);
      return main ? `${metricLabel(main.name)} ${formatMetric(main.score)}` : '';
    },
  };
}

/** The scores that any of the evaluations has. */
export function scoreNames(evaluations: readonly EvaluationView[]): string[] {
  return orderScores([...new Set(evaluations.flatMap((evaluation) => Object.keys(evaluation.scores)))]);
}

export const FILTERS: Filter<EvaluationView>[] = [
  { name: 'state', all: 'All states', value: (evaluation) => evaluation.state, format: sentenceCase },
  { name: 'split', all: 'All splits', value: (evaluation) => evaluation.split, format: sentenceCase },
];

export function searchedText(names: Names): (evaluation: EvaluationView) => string {
  return (evaluation) => [modelOf(names, evaluation), evaluation.model_id, datasetOf(names, evaluation), evaluation.dataset_id, evaluation.id, evaluation.split].join(' ');
}
