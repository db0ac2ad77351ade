/** The getting-started checklist: from a dataset to a fine-tuned model, and what this project has done so far. */
import { Overview } from '../api/models';

export interface Step {
  label: string;
  help: string;
  path: string;
  queryParams?: Record<string, string>;
  done: boolean;
}

/** `hasChatted`: whether this browser has received a response in the playground; that of another one deployed the model. */
export function gettingStartedSteps({ first_steps: done }: Overview, datasetId: string | undefined, hasChatted: boolean): Step[] {
  return [
    { label: 'Upload a dataset', help: 'Your own file or the triage.jsonl sample', path: '/datasets', done: done.includes('dataset') },
    { label: 'Fine-tune a model', help: 'LoRA on the bundled seedling model takes a minute', path: '/jobs/new', queryParams: datasetId ? { dataset: datasetId } : undefined, done: done.includes('job') },
    { label: 'Evaluate it', help: 'Against its base model, on held-out rows', path: '/evaluations', done: done.includes('evaluation') },
    { label: 'Export it', help: 'As verified safetensors or ONNX files', path: '/exports', done: done.includes('export') },
    { label: 'Chat with it', help: 'Side by side with its base model', path: '/playground', done: hasChatted || done.includes('deployment') },
  ];
}
