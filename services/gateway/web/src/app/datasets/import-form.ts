/** The form of an import: its sources, their fields, and the request that it becomes. */
import { ImportRequest } from '../api/models';

export interface ImportForm {
  source: 'hub_id' | 'uri' | 'url';
  location: string;
  config: string;
  split: string;
  revision: string;
  token: string;
  name: string;
}

export const EMPTY_IMPORT: ImportForm = { source: 'hub_id', location: '', config: '', split: '', revision: '', token: '', name: '' };

export const SOURCES: { name: ImportForm['source']; label: string; location: string; help: string }[] = [
  { name: 'hub_id', label: 'Hugging Face', location: 'Dataset ID', help: 'owner/name, or the address of its page' },
  { name: 'uri', label: 'S3', location: 'S3 URI', help: 's3://bucket/project/path; other stores need the scope admin' },
  { name: 'url', label: 'Web address', location: 'URL', help: 'https://host/path of one file' },
];

const HUB_PAGE = /^https:\/\/(?:huggingface\.co|hf\.co)\/datasets\/([\w.-]+\/[\w.-]+)\/?$/;

/** The fields that only a dataset on the Hugging Face Hub has. */
const HUB_FIELDS = ['config', 'split', 'revision', 'token'] as const;

export function isComplete(form: ImportForm): boolean {
  return Boolean(form.location.trim());
}

/** The request of a form, with only the fields that the user filled in. */
export function toImportRequest(form: ImportForm): ImportRequest {
  const page = HUB_PAGE.exec(form.location.trim());
  if (page && form.source !== 'uri') return toImportRequest({ ...form, source: 'hub_id', location: page[1]! }); // the page of a dataset stands for its ID
  const names = form.source === 'hub_id' ? (['name', ...HUB_FIELDS] as const) : (['name'] as const);
  const given = names.map((name) => [name, form[name].trim()]).filter(([, value]) => value);
  return { [form.source]: form.location.trim(), ...Object.fromEntries(given) };
}
