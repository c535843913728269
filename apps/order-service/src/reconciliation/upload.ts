/**
 * A file sent as a request body, spooled to disk as it arrives, so that neither its size nor a slow sender matters. It has no
 * name there, so it disappears with the process, however that ends.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Problem } from '#platform';

export type Upload = {
  /** SHA-256 of all bytes. */
  readonly digest: Buffer;
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly remove: () => Promise<void>;
};

/** A statement of some ten million rows. */
const uploadBytesMax = 4 * 1_024 ** 3;
const chunkBytes = 256 * 1_024;

/** @throws Problem 422 when there is no body, 413 when it is too large */
export async function spoolUpload(body: unknown): Promise<Upload> {
  if (!(body instanceof Readable)) throw noFile();
  const file = await openNameless();
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > uploadBytesMax) throw new Problem('body-too-large', 'A file is at most 4 GiB');
      hash.update(chunk);
      await file.appendFile(chunk);
    }
    if (bytes === 0) throw noFile();
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    digest: hash.digest(),
    open: () => chunksOf(file),
    remove: () => file.close(),
  };
}

async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-upload-'));
  try {
    return await open(path.join(folder, 'statement'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function* chunksOf(file: FileHandle): AsyncIterable<Uint8Array> {
  for (let position = 0; ;) {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.allocUnsafe(chunkBytes), position });
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function noFile(): Problem {
  return new Problem('invalid-request', 'The body must be the file itself', {
    errors: [{ path: '', message: 'Send the bytes of the file as the body, with any Content-Type but JSON' }],
  });
}
