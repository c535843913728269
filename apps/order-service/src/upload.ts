/** A file that is sent as a body: kept aside on disk as it arrives, so that neither its size nor its sender matters. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from '#platform';

export type Upload = {
  /** SHA-256 of all bytes. */
  readonly digest: Buffer;
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly remove: () => Promise<void>;
};

/** A statement of some ten million rows. */
const uploadBytesMax = 4 * 1_024 ** 3;

/** @throws Problem 422 when there is no body, 413 when it is too large */
export async function spoolUpload(body: unknown): Promise<Upload> {
  if (!(body instanceof Readable)) throw noFile();
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-upload-'));
  const file = path.join(folder, 'statement');
  const remove = () => rm(folder, { recursive: true, force: true });
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          if (bytes > uploadBytesMax) throw new Problem('body-too-large', 'A file is at most 4 GiB');
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file, { mode: 0o600 }),
    );
    if (bytes === 0) throw noFile();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    digest: hash.digest(),
    open: () => createReadStream(file, { highWaterMark: 256 * 1_024 }),
    remove,
  };
}

function noFile(): Problem {
  return new Problem('invalid-request', 'The body is the file', {
    errors: [{ path: '', message: 'Send the bytes of the file as the body, with any Content-Type but JSON' }],
  });
}
