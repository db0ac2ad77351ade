/** The formats of an export, and how its files are used. */
import { ExportRequest } from '../api/models';

export type Format = ExportRequest['format'];

export const FORMATS: { name: Format; label: string; help: string }[] = [
  { name: 'torch', label: 'Torch', help: 'merged safetensors, for transformers, vLLM and most tools' },
  { name: 'onnx', label: 'ONNX', help: 'with a cache for fast answers, for onnxruntime on any device' },
  { name: 'adapter', label: 'Adapter', help: 'the LoRA weights alone, to load beside the base' },
];

/** How to load what the zip holds. */
export function usage(format: Format): string {
  switch (format) {
    case 'torch':
      return `unzip model.zip -d model\npython -c "from transformers import pipeline; print(pipeline('text-generation', 'model')('Hello'))"`;
    case 'onnx':
      return `unzip model.zip -d model\npython -c "import onnxruntime as o; s = o.InferenceSession('model/model.onnx'); print([i.name for i in s.get_inputs()])"`;
    case 'adapter':
      return `unzip model.zip -d adapter\npython -c "from peft import AutoPeftModelForCausalLM as M; print(M.from_pretrained('adapter'))"`;
  }
}
