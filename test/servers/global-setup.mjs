// Runs once before the medium and e2e tests. Jest loads this file as plain JavaScript, so what it needs comes compiled.
import { prepare } from '../../scripts/setup.mjs';

export default async function setUp() {
  await prepare({ compile: true });
  const compiled = new URL('../../dist/test/servers/shared-servers.js', import.meta.url);
  const { startSharedServers } = await import(compiled.href);
  globalThis.holdfastTestServers = await startSharedServers();
}
