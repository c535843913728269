/**
 * Programs from the packages of a Debian or Ubuntu system, unpacked into a folder of ours: nothing is installed, no
 * root is needed, and the system's own package state is only read. apt does the work (its sources, keys, proxies and
 * checksums are the user's own), with its lists and caches pointed at a temporary folder.
 *
 * A folder of packages is complete or absent: everything happens in a temporary folder beside it that is renamed at
 * the end, so that an interruption leaves nothing and of two fetches at once the first wins.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Ended, findOnPath, type Report, runToEnd, tail } from './programs.js';

export interface PackageRequest {
  /** Where folders of packages live. */
  readonly folder: string;
  /** The name of this one. */
  readonly name: string;
  /** Packages to ask for; what they depend on and the system lacks comes along. */
  readonly packages: readonly string[];
  /** Of what comes along, packages the program runs without (documentation, set-up of a system service). */
  readonly leaveOut: RegExp;
  /** Whether the program in an unpacked folder works. */
  readonly works: (root: string) => Promise<boolean>;
  readonly report: Report;
}

export type PackageOutcome =
  | { kind: 'present'; root: string }
  /** Fetched by this call. */
  | { kind: 'fetched'; root: string }
  | { kind: 'refused'; reason: string };

const updateTimeoutMs = 180_000;
const downloadTimeoutMs = 300_000;

/** Gives the folder with the unpacked packages, fetching them when they are not there or do not work. */
export async function fetchDebianPackages(request: PackageRequest): Promise<PackageOutcome> {
  const root = path.join(request.folder, request.name);
  if (await request.works(root)) return { kind: 'present', root };
  const tools = await Promise.all([findOnPath(['apt-get']), findOnPath(['dpkg-deb'])]);
  if (tools.includes(undefined)) return { kind: 'refused', reason: 'this is not a Debian or Ubuntu system' };
  await mkdir(request.folder, { recursive: true, mode: 0o700 });
  await removeAbandoned(request.folder);
  const temporary = await mkdtemp(path.join(request.folder, `.fetching-${process.pid}-`));
  try {
    return await fetchInto(temporary, root, request);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The folders with shared libraries of an unpacked root, as LD_LIBRARY_PATH. */
export async function libraryPath(root: string): Promise<string> {
  const places = await Promise.all(
    ['usr/lib', 'lib'].map(async (base) => {
      const entries = await readdir(path.join(root, base)).catch(() => []);
      return entries.filter((name) => name.includes('-linux-')).map((name) => path.join(root, base, name));
    }),
  );
  return places.flat().join(':');
}

async function fetchInto(temporary: string, root: string, request: PackageRequest): Promise<PackageOutcome> {
  const { packages, report, works } = request;
  report(`fetching ${packages.join(', ')} from the packages of this system (nothing gets installed)`);
  const failure = await downloadInto(temporary, request);
  if (failure !== undefined) return { kind: 'refused', reason: failure };
  const unpacked = path.join(temporary, 'root');
  const archives = (await readdir(temporary)).filter((name) => name.endsWith('.deb'));
  for (const archive of archives) {
    const ended = await runToEnd('dpkg-deb', ['-x', path.join(temporary, archive), unpacked]);
    if (ended.code !== 0) return { kind: 'refused', reason: `dpkg-deb: ${tail(ended.stderr)}` };
  }
  if (!(await works(unpacked))) {
    return { kind: 'refused', reason: `what the packages ${packages.join(', ')} contain does not run here` };
  }
  return moveIntoPlace(unpacked, root, temporary, works);
}

/** With the system's package lists where they serve, else with fresh ones of our own. A string says what failed. */
async function downloadInto(temporary: string, request: PackageRequest): Promise<string | undefined> {
  const cache = ['-o', `Dir::Cache=${temporary}/cache`, '-o', 'APT::Sandbox::User=root'];
  const first = await resolveAndDownload(temporary, cache, request);
  if (first === undefined) return undefined;
  request.report('updating a private copy of the package lists');
  const lists = path.join(temporary, 'lists');
  await mkdir(path.join(lists, 'partial'), { recursive: true });
  const own = [...cache, '-o', `Dir::State::lists=${lists}`, '-o', 'Acquire::Languages=none'];
  const updated = await runToEnd('apt-get', [...own, '-q', 'update'], { timeoutMs: updateTimeoutMs });
  const second = await resolveAndDownload(temporary, own, request);
  return second === undefined || updated.code === 0 ? second : `${second}\n${tail(updated.stderr)}`;
}

async function resolveAndDownload(
  temporary: string,
  apt: readonly string[],
  { packages, leaveOut }: PackageRequest,
): Promise<string | undefined> {
  // `--reinstall` lists the packages asked for even where the system claims to have them.
  const plan = ['-q', '--simulate', '--reinstall', '--no-install-recommends', 'install', ...packages];
  const simulated = await runToEnd('apt-get', [...apt, ...plan], { timeoutMs: downloadTimeoutMs });
  if (simulated.code !== 0) return describe(simulated);
  const wanted = [...simulated.stdout.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)]
    .map(([, name, version]) => ({ name: name!, version: version! }))
    .filter(({ name }) => packages.includes(name) || !leaveOut.test(name));
  const exact = wanted.map(({ name, version }) => `${name}=${version}`);
  const downloaded = await runToEnd('apt-get', [...apt, '-q', 'download', ...exact], {
    cwd: temporary,
    timeoutMs: downloadTimeoutMs,
  });
  return downloaded.code === 0 ? undefined : describe(downloaded);
}

function describe(ended: Ended): string {
  const errors = ended.stderr.split('\n').filter((line) => line.startsWith('E:'));
  return `apt-get: ${tail(errors.length > 0 ? errors.join('\n') : ended.stderr)}`;
}

async function moveIntoPlace(
  unpacked: string,
  root: string,
  temporary: string,
  works: PackageRequest['works'],
): Promise<PackageOutcome> {
  if (await works(root)) return { kind: 'present', root };
  await rename(root, path.join(temporary, 'broken')).catch(() => undefined);
  const failure = await rename(unpacked, root).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (failure === undefined) return { kind: 'fetched', root };
  return (await works(root)) ? { kind: 'present', root } : { kind: 'refused', reason: failure };
}

/** Temporary folders whose process has gone. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(/^\.fetching-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Whether a process with this id exists, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
