/** Removes what the run's platform kept. */
import { rmSync } from 'node:fs';

export default function remove(): void {
  rmSync(process.env['ANNEAL_WEB_HOME'] as string, { recursive: true, force: true });
}
