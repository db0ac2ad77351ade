/** The export formats, and a snippet that loads each. */
import { ExportRequest } from '../api/models';

export type Format = ExportRequest['format'];

export const FORMATS: { name: Format; label: string; help: string }[] = [
  { name: 'torch', label: 'Safetensors', help: 'merged weights for Transformers, vLLM and most other tools' },
  { name: 'onnx', label: 'ONNX', help: 'with KV cache, for ONNX Runtime on any device' },
  { name: 'adapter', label: 'Adapter', help: 'only the LoRA weights, to load on top of the base model' },
  { name: 'gguf', label: 'GGUF', help: 'f16, for llama.cpp and Ollama' },
  { name: 'gguf_adapter', label: 'GGUF adapter', help: 'only the LoRA weights, for llama.cpp and Ollama' },
];

/** Shell commands that unpack and load an export. */
export function usageSnippet(format: Format): string {
  switch (format) {
    case 'torch':
      return `unzip model.zip -d model\npython -c "from transformers import pipeline; print(pipeline('text-generation', 'model')('Hello'))"`;
    case 'onnx':
      return `unzip model.zip -d model\npython -c "import onnxruntime as o; s = o.InferenceSession('model/model.onnx'); print([i.name for i in s.get_inputs()])"`;
    case 'adapter':
      return `unzip model.zip -d adapter\npython -c "from peft import AutoPeftModelForCausalLM as M; print(M.from_pretrained('adapter'))"`;
    case 'gguf':
      return `unzip model.zip -d model\nllama-server --jinja -m model/*/model.gguf`;
    case 'gguf_adapter':
      return `unzip model.zip -d adapter\nllama-server --jinja -m base.gguf --lora adapter/*/adapter.gguf`;
  }
}
