/** Removes the data directory of the test run. */
import { rmSync } from 'node:fs';

export default function removeDataDirectory(): void {
  rmSync(process.env['ANNEAL_WEB_HOME'] as string, { recursive: true, force: true });
}
