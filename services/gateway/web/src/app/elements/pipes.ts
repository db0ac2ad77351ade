/** The figures of format.ts for templates. */
import { Pipe, PipeTransform } from '@angular/core';

import { count, duration, figure, parameters, size } from './format';

@Pipe({ name: 'size' })
export class SizePipe implements PipeTransform {
  transform = size;
}

@Pipe({ name: 'duration' })
export class DurationPipe implements PipeTransform {
  transform = duration;
}

@Pipe({ name: 'count' })
export class CountPipe implements PipeTransform {
  transform = count;
}

@Pipe({ name: 'parameters' })
export class ParametersPipe implements PipeTransform {
  transform = parameters;
}

@Pipe({ name: 'figure' })
export class FigurePipe implements PipeTransform {
  transform = figure;
}
