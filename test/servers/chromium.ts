/**
 * A browser for tests and pictures: Chromium from PATH, else Debian's own headless build, unpacked from the packages
 * of this system as the servers are. Fonts come along, so that pages look the same on a machine without any.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { fetchDebianPackages, libraryPath } from '../../libs/platform/src/embedded/debian-packages.js';
import { isExecutable } from '../../libs/platform/src/embedded/programs.js';
import { findOnPath, type Program, type Report, runToEnd, ServerNotFoundError } from '#platform';

const names = ['chromium', 'chromium-headless-shell', 'google-chrome'];
const packages = ['chromium-headless-shell', 'fonts-inter', 'fonts-jetbrains-mono'];
const leaveOut = /^(xdg-utils|adduser|passwd|dbus.*|.*-doc)$/;
/** Nothing is asked of anybody, nothing is kept; the sandbox cannot be had as root or in a container. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * @param dataDir where packages may be unpacked
 * @param options.searchPath replaces PATH
 * @throws ServerNotFoundError when none can be had
 */
export async function findChromium(
  dataDir: string,
  report: Report,
  options: { searchPath?: string } = {},
): Promise<Program> {
  const onPath = await findOnPath(names, options.searchPath);
  const version = onPath === undefined ? undefined : await versionOf(onPath, {});
  if (onPath !== undefined && version !== undefined) {
    return { file: onPath, env: {}, origin: `${version}, ${onPath}` };
  }
  const outcome = await fetchDebianPackages({
    folder: path.resolve(dataDir, 'packages'),
    name: 'chromium',
    packages,
    leaveOut,
    report,
    works: async (root) => (await unpacked(root)) !== undefined,
  });
  if (outcome.kind !== 'refused') return (await unpacked(outcome.root))!;
  throw new ServerNotFoundError(
    `No Chromium found: none of ${names.join(', ')} on PATH; from the packages of this system: ${outcome.reason}`,
  );
}

/** Starts it with a profile of its own, empty, which goes with it. */
export async function startChromium(program: Program): Promise<Browser> {
  return chromium.launch({
    executablePath: program.file,
    args: flags,
    env: { ...process.env, ...program.env },
  });
}

async function unpacked(root: string): Promise<Program | undefined> {
  const file = path.join(root, 'usr/lib/chromium/chromium-headless-shell');
  if (!(await isExecutable(file))) return undefined;
  const libraries = await libraryPath(root);
  const fonts = path.join(root, 'fonts.conf');
  const env = {
    // Some libraries keep private ones in a folder below their own.
    LD_LIBRARY_PATH: `${libraries}:${libraries.replaceAll(/(?=:|$)/g, '/pulseaudio')}`,
    FONTCONFIG_FILE: fonts,
  };
  await writeFile(fonts, fontConfiguration(root));
  const version = await versionOf(file, env);
  return version === undefined ? undefined : { file, env, origin: `${version}, ${file}` };
}

async function versionOf(file: string, env: Record<string, string>): Promise<string | undefined> {
  const { code, stdout } = await runToEnd(file, ['--version', '--no-sandbox'], { env, timeoutMs: 30_000 });
  return code === 0 ? stdout.trim() || undefined : undefined;
}

function fontConfiguration(root: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${root}/var/cache/fontconfig</cachedir>
</fontconfig>
`;
}
