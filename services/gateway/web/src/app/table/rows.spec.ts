import { Column, numberColumn, textColumn } from './columns';
import { filterRows, groupRows, pageOf, rowsToCsv, sortRows } from './rows';

interface Run {
  id: string;
  name: string;
  base: string;
  loss: number | null;
}

const RUNS: Run[] = [
  { id: 'job_1', name: 'run 10', base: 'seedling', loss: 0.5 },
  { id: 'job_2', name: 'run 9', base: 'seedling', loss: null },
  { id: 'job_3', name: '=run 2', base: 'SmolLM2', loss: 1.23456789 },
];
const COLUMNS: Column<Run>[] = [textColumn('name', 'Name', (run) => run.name), textColumn('base', 'Base model', (run) => run.base), numberColumn('loss', 'Loss', (run) => run.loss)];
const names = (runs: readonly Run[]) => runs.map((run) => run.name);

describe('filterRows', () => {
  const filters = [{ name: 'base', all: 'All base models', value: (run: Run) => run.base }];
  const filter = (query: string, base = '') => names(filterRows(RUNS, query, (run) => `${run.id} ${run.name} ${run.base}`, filters, () => base));

  it('finds every word, whatever the case', () => {
    expect(filter('SMOL run')).toEqual(['=run 2']);
    expect(filter('job_2 9')).toEqual(['run 9']);
    expect(filter('seedling 2 smol')).toEqual([]);
  });

  it('filters by a chosen value', () => {
    expect(filter('', 'seedling')).toEqual(['run 10', 'run 9']);
  });
});

describe('sortRows', () => {
  it('sorts numbers within names by value', () => {
    expect(names(sortRows(RUNS.slice(0, 2), 'name', COLUMNS))).toEqual(['run 9', 'run 10']);
  });

  it('keeps rows without a value last in both directions', () => {
    expect(names(sortRows(RUNS, 'loss', COLUMNS))).toEqual(['run 10', '=run 2', 'run 9']);
    expect(names(sortRows(RUNS, '-loss', COLUMNS))).toEqual(['=run 2', 'run 10', 'run 9']);
  });

  it('keeps the order for a column that does not exist', () => {
    expect(sortRows(RUNS, 'nothing', COLUMNS)).toEqual(RUNS);
  });
});

describe('groups', () => {
  it('keeps the order of the rows, and cuts pages through all groups', () => {
    const groups = groupRows(sortRows(RUNS, 'name', COLUMNS), COLUMNS[1]);
    expect(groups.map(({ label, rows }) => [label, rows.length])).toEqual([['SmolLM2', 1], ['seedling', 2]]);
    expect(pageOf(groups, 0, 2).map(({ label, rows }) => [label, names(rows)])).toEqual([['SmolLM2', ['=run 2']], ['seedling', ['run 9']]]);
    expect(pageOf(groups, 2, 2).map(({ label, rows }) => [label, names(rows)])).toEqual([['seedling', ['run 10']]]);
  });
});

describe('rowsToCsv', () => {
  it('has ids and unrounded numbers, and no formula', () => {
    expect(rowsToCsv(RUNS.slice(1), COLUMNS)).toBe("id,Name,Base model,Loss\r\njob_2,run 9,seedling,\r\njob_3,'=run 2,SmolLM2,1.23456789\r\n");
  });
});
