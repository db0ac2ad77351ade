// Writes .gz and .br versions of every built text file, so that the gateway does not compress at request time.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const MIN_BYTES = 1024;
const folder = 'dist';
for (const name of readdirSync(folder).sort()) {
  if (!/\.(js|css|svg|txt)$/.test(name)) continue;
  const content = readFileSync(join(folder, name));
  if (content.length < MIN_BYTES) continue;
  writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
