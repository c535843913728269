/** What is kept of a file that is sent as a body, and for how long. */
import { readdirSync, readlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, it } from '@jest/globals';
import { spoolUpload } from './upload.js';

/** Files that this process holds open, as the kernel names them; none where there is no /proc. */
function openFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return []; // It was that of the listing.
      }
    });
  } catch {
    return [];
  }
}

const spooled = () => openFiles().filter((name) => name.includes('holdfast-upload-'));

it('is read as often as wanted, has no name that could outlive the process, and is gone when it is removed', async () => {
  const upload = await spoolUpload(Readable.from([Buffer.from('one '), Buffer.from('two')]));
  for (const name of spooled()) expect(name).toMatch(/ \(deleted\)$/);
  if (process.platform === 'linux') expect(spooled()).toHaveLength(1);
  for (const _ of [1, 2]) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of upload.open()) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('one two');
  }
  await upload.remove();
  await upload.remove();
  expect(spooled()).toEqual([]);
});

it('is gone when it breaks off, or when there is none', async () => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from('one ');
      throw new Error('the sender has gone');
    })(),
  );
  await expect(spoolUpload(broken)).rejects.toThrow('the sender has gone');
  await expect(spoolUpload(Readable.from([]))).rejects.toThrow('The body must be the file itself');
  await expect(spoolUpload({})).rejects.toThrow('The body must be the file itself');
  expect(spooled()).toEqual([]);
});
