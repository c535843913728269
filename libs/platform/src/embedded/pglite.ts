/**
 * PGlite, PostgreSQL in this process, on a folder, as durable as PostgreSQL itself.
 *
 * PGlite on Node's file system survives `kill -9` as it comes (what it wrote is the kernel's), but its fsync does nothing:
 * a power cut could take acknowledged commits, or leave pages on disk ahead of their log. So here fsync reaches the
 * disk, before a commit is answered. Two more things it does not do by itself: an interrupted first start leaves half a
 * database behind (so it is made in a folder beside and renamed), and without PostgreSQL's background processes nobody makes
 * checkpoints (so the log would grow for ever, and with it the time to recover: see `checkpointWhenLarge`).
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { PGlite, type ParserOptions } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { DataFolderError } from './data-folder.js';
import type { Report } from './programs.js';

/** A sync method that the file system layer has, and what a commit must wait for. */
const durable = ['wal_sync_method=fsync', 'synchronous_commit=on', 'full_page_writes=on'];

/** PGlite's own parameters without `-F`, which turns fsync off. */
const startParams = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  ...durable.flatMap((setting) => ['-c', setting]),
];

const lookEveryMs = 5000;
/** Recovery reads at most about this much; a checkpoint holds everybody up while it writes what has changed. */
const logBytesMax = 64 * 1024 * 1024;
const logSinceCheckpoint =
  'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 as bytes from pg_control_checkpoint()';

/** Whether a database has been made in the data folder. */
export function hasPGlite(dataDir: string): boolean {
  return existsSync(folderOf(dataDir));
}

function folderOf(dataDir: string): string {
  return path.resolve(dataDir, 'postgres');
}

/**
 * Opens the database in `<dataDir>/postgres`, creating it when there is none. The caller holds the data folder.
 * Close it with its own `close()`; an open one keeps the process alive.
 * @throws DataFolderError when what is there cannot be opened (damaged, or of another version of PostgreSQL), or none can be made
 */
export async function openPGlite(options: {
  dataDir: string;
  /** How values of a type, by its OID, are read; PGlite's own way where none is given. */
  parsers?: ParserOptions;
  report?: Report;
}): Promise<PGlite> {
  const { dataDir, parsers = {}, report = () => undefined } = options;
  const folder = folderOf(dataDir);
  if (!existsSync(folder)) {
    report('creating the database (PGlite), a few seconds');
    await createDatabase(folder);
  }
  report(`opening the database in ${folder}`);
  const database = await open(folder, parsers).catch((error: unknown) => {
    throw new DataFolderError(folder, unopened(folder, error));
  });
  checkpointWhenLarge(database, report);
  return database;
}

function unopened(folder: string, error: unknown): Error {
  const file = path.join(folder, 'PG_VERSION');
  const version = existsSync(file) ? `PostgreSQL ${readFileSync(file, 'utf8').trim()}` : 'no PostgreSQL';
  return new Error(
    `it holds a database of ${version} that is damaged, or of another version than this Holdfast brings (${String(error)})`,
  );
}

async function createDatabase(folder: string): Promise<void> {
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  const database = await open(unfinished).catch((error: unknown) => {
    rmSync(unfinished, { recursive: true, force: true });
    throw new DataFolderError(folder, new Error(`no database could be made there (${reasonOf(error)})`));
  });
  await database.close();
  syncTree(unfinished);
  renameSync(unfinished, folder);
  syncOne(path.dirname(folder));
}

/** Emscripten's errors have its own numbers, and no message. */
const noSpaceLeft = 51;

function reasonOf(error: unknown): string {
  const { errno, message } = error as { readonly errno?: number; readonly message?: string };
  return errno === noSpaceLeft ? 'no space is left' : message || `error ${errno} of its file system`;
}

async function open(folder: string, parsers: ParserOptions = {}): Promise<PGlite> {
  return PGlite.create({ fs: new SyncingNodeFS(folder), startParams, parsers, relaxedDurability: false });
}

/** The part of Emscripten's file system layer that is changed. */
interface EmscriptenModule {
  readonly NODEFS: {
    readonly stream_ops: { fsync?: (stream: { nfd?: number }) => number };
  };
}

/** Node's file system, with an fsync that reaches it. */
class SyncingNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...args);
    const giveFsync = (module: unknown) => {
      (module as EmscriptenModule).NODEFS.stream_ops.fsync = ({ nfd }) => {
        if (nfd !== undefined) fsyncSync(nfd);
        return 0;
      };
    };
    const preRun = [emscriptenOpts.preRun ?? []].flat();
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, giveFsync] } };
  }
}

/** What the checkpointer process of a server does by itself. */
function checkpointWhenLarge(database: PGlite, report: Report): void {
  const look = async () => {
    const { rows } = await database.query<{ bytes: number }>(logSinceCheckpoint);
    if (rows[0]!.bytes > logBytesMax) await database.query('checkpoint');
  };
  const again = () => {
    if (database.closed) return;
    const timer = setTimeout(() => {
      void look()
        .catch((error: Error) => database.closed || report(`no checkpoint could be made: ${error.message}`))
        .then(again);
    }, lookEveryMs);
    timer.unref();
  };
  again();
}

function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) syncTree(place);
    else if (entry.isFile()) syncOne(place);
  }
  syncOne(folder);
}

function syncOne(place: string): void {
  const descriptor = openSync(place, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
