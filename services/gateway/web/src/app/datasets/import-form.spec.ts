import { EMPTY_IMPORT, isComplete, toImportRequest } from './import-form';

describe('toImportRequest', () => {
  it('sends the fields of a hub dataset that the user filled in', () => {
    const form = { ...EMPTY_IMPORT, location: ' owner/name ', config: 'en', token: 'hf_x' };
    expect(toImportRequest(form)).toEqual({ hub_id: 'owner/name', config: 'en', token: 'hf_x' });
  });

  it('takes the page of a hub dataset as its ID, whichever source is chosen', () => {
    const location = 'https://huggingface.co/datasets/owner/name/';
    expect(toImportRequest({ ...EMPTY_IMPORT, location })).toEqual({ hub_id: 'owner/name' });
    expect(toImportRequest({ ...EMPTY_IMPORT, source: 'url', location })).toEqual({ hub_id: 'owner/name' });
    const file = 'https://huggingface.co/datasets/owner/name/resolve/main/a.jsonl';
    expect(toImportRequest({ ...EMPTY_IMPORT, source: 'url', location: file })).toEqual({ url: file });
  });

  it('omits hub fields, and with them the token, for other sources', () => {
    const form = { ...EMPTY_IMPORT, source: 'url' as const, location: 'https://h/a.jsonl', split: 'train', token: 'hf_x', name: 'a' };
    expect(toImportRequest(form)).toEqual({ url: 'https://h/a.jsonl', name: 'a' });
  });
});

describe('isComplete', () => {
  it('requires a location', () => {
    expect(isComplete({ ...EMPTY_IMPORT, location: ' ' })).toBe(false);
    expect(isComplete({ ...EMPTY_IMPORT, location: 'owner/name' })).toBe(true);
  });
});
