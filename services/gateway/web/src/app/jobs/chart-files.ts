/** A chart as files: its values as CSV, and its picture as PNG. */
import { csvLines } from '../elements/files';
import { Series } from './line-chart';

/** Every value of the series, one a row (RFC 4180). `idOf` names the job of a series. */
export function toCsv(series: readonly Series[], xTitle: string, yTitle: string, idOf: (name: string) => string): string {
  const rows = series.flatMap(({ name, points }) => points.x.map((x, i) => [idOf(name), name, x, points.y[i]!]));
  return csvLines([['job_id', 'job', xTitle, yTitle], ...rows]);
}

export interface LegendEntry {
  name: string;
  color: string;
  dash: number[];
}

/** The chart's canvas with its heading and legend, on the background color, in the resolution of the screen. */
export function toPicture(chart: HTMLCanvasElement, heading: string, legend: readonly LegendEntry[], colors: { background: string; text: string }): Promise<Blob | null> {
  const scale = chart.width / chart.clientWidth;
  const [margin, line] = [16 * scale, 22 * scale];
  const picture = document.createElement('canvas');
  picture.width = chart.width + 2 * margin;
  picture.height = chart.height + 2 * margin + line * (legend.length + 1.5);
  const context = picture.getContext('2d')!;
  context.fillStyle = colors.background;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = colors.text;
  context.textBaseline = 'middle';
  context.font = `600 ${15 * scale}px sans-serif`;
  context.fillText(heading, margin, margin + line / 2);
  context.font = `${13 * scale}px sans-serif`;
  legend.forEach((entry, i) => {
    const y = margin + line * (i + 1.5);
    context.strokeStyle = entry.color;
    context.lineWidth = 2.5 * scale;
    context.setLineDash(entry.dash.map((length) => length * scale));
    context.beginPath();
    context.moveTo(margin, y);
    context.lineTo(margin + 28 * scale, y);
    context.stroke();
    context.fillText(entry.name, margin + 36 * scale, y);
  });
  context.drawImage(chart, margin, margin + line * (legend.length + 1.5));
  return new Promise((resolve) => picture.toBlob(resolve, 'image/png'));
}
