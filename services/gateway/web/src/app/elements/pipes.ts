/** The formatters of format.ts as pipes. */
import { Pipe, PipeTransform } from '@angular/core';

import { formatBytes, formatCount, formatCounted, formatDuration, formatMethod, formatMetric, formatParameters, sentenceCase } from './format';

@Pipe({ name: 'bytes' })
export class BytesPipe implements PipeTransform {
  transform = formatBytes;
}

@Pipe({ name: 'duration' })
export class DurationPipe implements PipeTransform {
  transform = formatDuration;
}

@Pipe({ name: 'count' })
export class CountPipe implements PipeTransform {
  transform = formatCount;
}

@Pipe({ name: 'counted' })
export class CountedPipe implements PipeTransform {
  transform = formatCounted;
}

@Pipe({ name: 'parameters' })
export class ParametersPipe implements PipeTransform {
  transform = formatParameters;
}

@Pipe({ name: 'metric' })
export class MetricPipe implements PipeTransform {
  transform = formatMetric;
}

@Pipe({ name: 'method' })
export class MethodPipe implements PipeTransform {
  transform = formatMethod;
}

@Pipe({ name: 'sentenceCase' })
export class SentenceCasePipe implements PipeTransform {
  transform = sentenceCase;
}
