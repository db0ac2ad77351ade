import { ActivityView } from '../api/models';
import { activityDetail, describeActivity } from './activity';

const activity = (fields: Partial<ActivityView>): ActivityView => ({ time: '', event: 'dataset.ready.v1', kind: 'dataset', subject: 'ds_1', name: 'faq', detail: null, count: 1, deleted: false, ...fields });

describe('describeActivity', () => {
  it('links to the page of what exists, and to the list of what does not', () => {
    expect(describeActivity(activity({}))).toEqual({ text: 'Dataset ready', link: ['/datasets', 'ds_1'] });
    expect(describeActivity(activity({ deleted: true })).link).toEqual(['/datasets']);
  });

  it('counts a cleanup', () => {
    expect(describeActivity(activity({ event: 'dataset.deleted.v1', deleted: true, count: 11 }))).toEqual({ text: '11 datasets deleted', link: ['/datasets'] });
    expect(describeActivity(activity({ event: 'training.model_deleted.v1', kind: 'model', deleted: true, count: 3 })).text).toBe('3 models deleted');
    expect(describeActivity(activity({ event: 'training.cancelled.v1', kind: 'job', count: 2 }))).toEqual({ text: '2 jobs cancelled', link: ['/jobs'] });
  });
});

describe('activityDetail', () => {
  it('labels the scores of an evaluation, and nothing else', () => {
    expect(activityDetail(activity({ event: 'evaluation.completed.v1', detail: 'bleu 66.76, rougeL 0.61' }))).toBe('BLEU 66.76, ROUGE-L 0.61');
    expect(activityDetail(activity({ event: 'evaluation.failed.v1', detail: 'out_of_memory: it needs 4 GB' }))).toBe('out_of_memory: it needs 4 GB');
  });
});
