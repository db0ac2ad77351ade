/** What a comparison calls its evaluations. */

/** The model's name; with a number where a model has several evaluations. */
export function evaluationLabels(evaluations: { evaluation_id: string; model_id: string }[], nameOf: (modelId: string) => string): Map<string, string> {
  const names = evaluations.map((evaluation) => nameOf(evaluation.model_id));
  return new Map(
    evaluations.map((evaluation, index) => {
      const name = names[index]!;
      const isShared = names.filter((other) => other === name).length > 1;
      const number = names.slice(0, index + 1).filter((other) => other === name).length;
      return [evaluation.evaluation_id, isShared ? `${name} (${number})` : name];
    }),
  );
}
